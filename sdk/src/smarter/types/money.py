"""Money: exact decimal strings of US dollars, and the same as integer nano-dollars."""

import datetime
from typing import Literal

from openai import BaseModel
from pydantic import Field


class Balance(BaseModel):
    object: Literal["balance"]
    currency: str
    available: str
    available_nano: int
    held: str
    held_nano: int
    balance: str
    balance_nano: int
    spent_this_month: str = "0.00"
    spent_this_month_nano: int = 0
    spending_cap: str | None = None
    spending_cap_nano: int | None = None


class UsageLine(BaseModel):
    """Sums of one group; what was not grouped by is None."""

    day: datetime.date | None = None
    hour: datetime.datetime | None = None
    model: str | None = None
    key: str | None = None
    chatbot: str | None = None
    requests: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost: str
    cost_nano: int


class Usage(BaseModel):
    """Half-open: `to` is the first day not counted."""

    object: Literal["usage"]
    group_by: list[str]
    since: datetime.date = Field(alias="from")
    to: datetime.date
    total_cost: str
    total_cost_nano: int
    data: list[UsageLine]


class LedgerEntry(BaseModel):
    """One movement of the balance; `amount` is negative when money was taken."""

    id: str
    object: Literal["ledger_entry"]
    kind: str
    amount: str
    amount_nano: int
    balance_after: str
    balance_after_nano: int
    generation: str | None = None
    model: str | None = None
    corrects: str | None = None
    note: str
    created_at: datetime.datetime


class TopUp(BaseModel):
    id: str
    object: Literal["topup"]
    provider: str
    provider_label: str
    ref: str
    amount: str
    amount_nano: int
    ledger_entry: str
    created_at: datetime.datetime


class Price(BaseModel):
    """US dollars per million tokens, and pico-dollars per token."""

    id: str
    object: Literal["price"]
    model: str
    tier: str
    input: str
    cached_input: str
    output: str
    input_pico: int
    cached_input_pico: int
    output_pico: int
    effective_from: datetime.datetime


class Generation(BaseModel):
    """One call of a model: what it took and what it cost."""

    id: str
    object: Literal["generation"]
    request_id: str
    model: str
    state: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    max_output: int
    choices: int
    cost: str | None = None
    cost_nano: int | None = None
    held: str | None = None
    held_nano: int | None = None
    first_token_ms: int | None = None
    duration_ms: int | None = None
    api_key: str | None = None
    chatbot: str | None = None
    created_at: datetime.datetime
    finished_at: datetime.datetime | None = None
