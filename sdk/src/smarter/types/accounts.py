"""Who calls: organisation, members, API keys. Times are ISO 8601 in UTC."""

from datetime import datetime
from typing import Literal

from openai import BaseModel


class Organisation(BaseModel):
    id: str
    object: Literal["organisation"]
    name: str
    slug: str
    default_model: str | None = None
    created_at: datetime


class User(BaseModel):
    id: str
    email: str
    name: str


class Member(BaseModel):
    id: str
    object: Literal["member"]
    user: User
    role: str
    created_at: datetime


class APIKey(BaseModel):
    """A key as listed: never the key itself. `budget` is US dollars as an exact decimal string."""

    id: str
    object: Literal["api_key"]
    name: str
    kind: Literal["secret", "publishable"]
    redacted: str
    status: Literal["active", "expired", "revoked"]
    scopes: list[str]
    allowed_models: list[str] | None = None
    cidrs: list[str]
    requests_per_minute: int
    tokens_per_minute: int
    budget: str | None = None
    budget_period: Literal["day", "month", "total"] | None = None
    created_by: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used_from: str = ""
    last_used_by: str = ""
    replaced_by: str | None = None


class IssuedAPIKey(APIKey):
    """The one answer that carries the key: it is not shown again."""

    key: str


class Me(BaseModel):
    """What the calling key is and belongs to."""

    object: str
    organisation: Organisation
