"""API keys, and the organisation that the calling key belongs to."""

from typing import Literal

from openai import AsyncOpenAI, OpenAI
from openai.pagination import AsyncCursorPage, SyncCursorPage
from typing_extensions import TypedDict, Unpack

from smarter.resources.asking import query, segment
from smarter.types import APIKey, Deleted, IssuedAPIKey, Me, Member, Organisation


class KeyFields(TypedDict, total=False):
    """What can be set on a key; what is left out is as on the key that asks."""

    name: str
    scopes: list[str]
    allowed_models: list[str] | None
    cidrs: list[str]
    requests_per_minute: int
    tokens_per_minute: int
    budget: str | None
    budget_period: Literal["day", "month", "total"] | None
    expires_at: str | None


class OrganisationFields(TypedDict, total=False):
    """What can be set on an organisation."""

    name: str
    default_model: str | None


class APIKeys:
    """Keys of the organisation: made, changed, rotated, revoked."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    def create(self, **fields: Unpack[KeyFields]) -> IssuedAPIKey:
        """Makes a key; `.key` of the answer is the key, and it is not shown again."""
        return self._client.post("/api_keys", cast_to=IssuedAPIKey, body=fields)

    def list(self, *, limit: int | None = None) -> SyncCursorPage[APIKey]:
        return self._client.get_api_list(
            "/api_keys", model=APIKey, page=SyncCursorPage[APIKey], options=query(limit=limit)
        )

    def get(self, key_id: str) -> APIKey:
        return self._client.get(f"/api_keys/{segment(key_id)}", cast_to=APIKey)

    def update(self, key_id: str, **fields: Unpack[KeyFields]) -> APIKey:
        return self._client.patch(f"/api_keys/{segment(key_id)}", cast_to=APIKey, body=fields)

    def rotate(self, key_id: str, *, grace_seconds: int | None = None) -> IssuedAPIKey:
        """A new key that may do the same; the old one goes on for a day unless told."""
        return self._client.post(
            f"/api_keys/{segment(key_id)}/rotations",
            cast_to=IssuedAPIKey,
            body={} if grace_seconds is None else {"grace_seconds": grace_seconds},
        )

    def revoke(self, key_id: str) -> Deleted:
        return self._client.delete(f"/api_keys/{segment(key_id)}", cast_to=Deleted)


class AsyncAPIKeys:
    """As `APIKeys`, to be awaited."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client

    async def create(self, **fields: Unpack[KeyFields]) -> IssuedAPIKey:
        """Makes a key; `.key` of the answer is the key, and it is not shown again."""
        return await self._client.post("/api_keys", cast_to=IssuedAPIKey, body=fields)

    async def list(self, *, limit: int | None = None) -> AsyncCursorPage[APIKey]:
        return await self._client.get_api_list(
            "/api_keys", model=APIKey, page=AsyncCursorPage[APIKey], options=query(limit=limit)
        )

    async def get(self, key_id: str) -> APIKey:
        return await self._client.get(f"/api_keys/{segment(key_id)}", cast_to=APIKey)

    async def update(self, key_id: str, **fields: Unpack[KeyFields]) -> APIKey:
        return await self._client.patch(f"/api_keys/{segment(key_id)}", cast_to=APIKey, body=fields)

    async def rotate(self, key_id: str, *, grace_seconds: int | None = None) -> IssuedAPIKey:
        """A new key that may do the same; the old one goes on for a day unless told."""
        return await self._client.post(
            f"/api_keys/{segment(key_id)}/rotations",
            cast_to=IssuedAPIKey,
            body={} if grace_seconds is None else {"grace_seconds": grace_seconds},
        )

    async def revoke(self, key_id: str) -> Deleted:
        return await self._client.delete(f"/api_keys/{segment(key_id)}", cast_to=Deleted)


class Organisations:
    """The organisation of this key."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    def me(self) -> Me:
        """Who this key speaks for."""
        return self._client.get("/me", cast_to=Me)

    def get(self) -> Organisation:
        return self._client.get("/organisation", cast_to=Organisation)

    def update(self, **fields: Unpack[OrganisationFields]) -> Organisation:
        return self._client.patch("/organisation", cast_to=Organisation, body=fields)

    def members(self, *, limit: int | None = None) -> SyncCursorPage[Member]:
        return self._client.get_api_list(
            "/members", model=Member, page=SyncCursorPage[Member], options=query(limit=limit)
        )


class AsyncOrganisations:
    """As `Organisations`, to be awaited."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client

    async def me(self) -> Me:
        """Who this key speaks for."""
        return await self._client.get("/me", cast_to=Me)

    async def get(self) -> Organisation:
        return await self._client.get("/organisation", cast_to=Organisation)

    async def update(self, **fields: Unpack[OrganisationFields]) -> Organisation:
        return await self._client.patch("/organisation", cast_to=Organisation, body=fields)

    async def members(self, *, limit: int | None = None) -> AsyncCursorPage[Member]:
        return await self._client.get_api_list(
            "/members", model=Member, page=AsyncCursorPage[Member], options=query(limit=limit)
        )
