"""The money of a running call: held before it, charged for what it delivered, once.

    hold    reserve the worst case; refused when the balance or the key's budget cannot cover it
    renew   every second: keep the holds of running calls alive, note the tokens delivered
    settle  charge the tokens, give the rest back
    void    the engine failed before the first token: give everything back

Each is one call of a function in billing/sql, on connections of their own. Calls that come while
one is away go out together (api.batching): an account's row is then locked once for all of them.
"""

import asyncio
import json
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from accounts.authentication import Proof
from api import database
from api.batching import Batcher
from billing.metrics import HOLDS_LOST
from billing.pricing import Price
from billing.refusals import Decision, refusal

LEAST_OUTPUT = 16
_HOLD = database.Statement("SELECT * FROM ledger_hold($1)")
_CLOSE = "SELECT state, charged, fresh FROM ledger_close(%s::jsonb)"
_CLOSE_AT_ONCE = database.Statement("CALL ledger_close_at_once($1, NULL)")
_RENEW = "SELECT ledger_renew(%s::jsonb)"


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """What a call may use at most. `max_output` bounds each of its `choices`."""

    id: str
    organisation_id: str
    key_id: str | None
    model: str
    prompt_tokens: int
    max_output: int
    choices: int = 1
    tier: str = "standard"
    chatbot_id: str | None = None
    chatbot_day_nano: int | None = None  # what the chatbot may cost in a UTC day; None: no limit
    chatbot_month_nano: int | None = None
    budget_nano: int | None = None
    budget_period: str | None = None
    meter_id: str | None = None  # the key whose budget window counts; None: key_id
    minimum_output: int = LEAST_OUTPUT
    proof: Proof | None = None  # the key as it is remembered

    def as_row(self) -> dict[str, object]:
        return {
            "id": self.id,
            "organisation": self.organisation_id,
            "key": self.key_id,
            "meter": self.meter_id or self.key_id,
            "chatbot": self.chatbot_id,
            "chatbot_day": self.chatbot_day_nano,
            "chatbot_month": self.chatbot_month_nano,
            "model": self.model,
            "tier": self.tier,
            "prompt": self.prompt_tokens,
            "max_output": self.max_output,
            "choices": self.choices,
            "least_output": self.minimum_output,
            "budget": self.budget_nano,
            "period": self.budget_period,
            "digest": self.proof and self.proof.digest,
            "stamp": self.proof and self.proof.stamp,
        }


@dataclass(frozen=True, slots=True)
class Hold:
    """`amount` nano-dollars are promised; each choice may have `max_output` tokens."""

    id: str
    amount: int
    max_output: int
    lowered: bool
    price: Price


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Settlement:
    charged_nano: int
    already_settled: bool


@dataclass(frozen=True, slots=True)
class Checkpoint:
    hold_id: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class _Closing:
    """An element that ledger_close takes; None keeps what the hold already says."""

    id: str
    state: Literal["settled", "voided"]
    prompt: int | None = None
    cached: int | None = None
    completion: int | None = None
    finish: str | None = None
    first_token_ms: int | None = None
    duration_ms: int | None = None

    def as_row(self) -> dict[str, object]:  # what `asdict` makes, at a tenth of its cost
        return {name: getattr(self, name) for name in self.__slots__}


async def hold(request: HoldRequest) -> Hold:
    """Reserve the most that a call can cost; a second hold with the same id is the first one.

    Where the balance (or a budget) pays for at least `minimum_output` tokens a choice but not for
    all of them, `max_output` is lowered to what it pays for.
    Raises InsufficientBalance, SpendingCapReached (the organisation's month), KeyBudgetExceeded,
    BudgetExhausted (the chatbot's), ModelUnavailable (no price), Unauthenticated (the key is not as
    `proof` remembers it), DatabaseUnavailable.
    """
    roads = _roads()
    decided = roads.holds.ask(request)
    try:
        decision = await asyncio.shield(decided)
    except asyncio.CancelledError:
        decided.add_done_callback(lambda done: _give_back(request.id, done))
        raise
    if decision.outcome != "held":
        raise refusal(request, decision)
    return Hold(
        id=request.id,
        amount=decision.amount,
        max_output=decision.max_output,
        lowered=decision.max_output < request.max_output,
        price=decision.rate,
    )


async def settle(
    hold_id: str,
    usage: Usage,
    finish_reason: str,
    first_token_ms: int | None,
    duration_ms: int | None,
    connection: database.Connection | None = None,
) -> Settlement:
    """Charge what was delivered, never more than the hold, and give back the rest.

    Safe to repeat. With a `connection` it takes part in the transaction open there (do it last: it
    locks the account). A hold lost with a crashed database is charged nothing.
    """
    closing = _Closing(
        hold_id,
        "settled",
        usage.prompt_tokens,
        usage.cached_tokens,
        usage.completion_tokens,
        finish_reason,
        first_token_ms,
        duration_ms,
    )
    return await _close(closing, connection)


async def void(
    hold_id: str, reason: str, connection: database.Connection | None = None
) -> Settlement:
    """Give the whole hold back: the call failed before its first token. Safe to repeat."""
    return await _close(_Closing(hold_id, "voided", finish=reason[:20]), connection)


async def renew(checkpoints: Sequence[Checkpoint]) -> int:
    """Extend the leases of all running calls of a process by a minute; how many were still open."""
    rows = [
        {
            "id": c.hold_id,
            "prompt": c.prompt_tokens,
            "cached": c.cached_tokens,
            "completion": c.completion_tokens,
        }
        for c in checkpoints
    ]
    async with database.connection() as connection:
        cursor = await connection.execute(_RENEW, [json.dumps(rows)], prepare=True)
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def drain() -> None:
    """Wait until every hold and closing of this event loop has been answered."""
    roads = _roads()
    await roads.holds.idle()
    await roads.closings.idle()


async def _close(closing: _Closing, connection: database.Connection | None) -> Settlement:
    if connection is not None:
        return await _close_within(closing, connection)
    return await asyncio.shield(_roads().closings.ask(closing))


async def _send_holds(requests: Sequence[HoldRequest]) -> Sequence[Decision]:
    rows = json.dumps([request.as_row() for request in requests])
    decisions = [Decision(*row) for row in await _HOLD.ask(rows)]
    _roads().owners.update(
        (request.id, request.organisation_id)
        for request, decision in zip(requests, decisions, strict=True)
        if decision.outcome == "held"
    )
    return decisions


async def _send_closings(closings: Sequence[_Closing]) -> Sequence[Settlement]:
    rows = json.dumps([closing.as_row() for closing in closings])
    [[closed]] = await _CLOSE_AT_ONCE.ask(rows)
    _forget(closings)
    return [_settlement(*row) for row in closed]


async def _close_within(closing: _Closing, connection: database.Connection) -> Settlement:
    cursor = await connection.execute(_CLOSE, [json.dumps([closing.as_row()])], prepare=True)
    [row] = await cursor.fetchall()
    _forget([closing])
    return _settlement(*row)


def _forget(closings: Sequence[_Closing]) -> None:
    owners = _roads().owners
    for closing in closings:
        owners.pop(closing.id, None)


def _settlement(state: str | None, charged: int, fresh: bool) -> Settlement:
    if state is None:
        HOLDS_LOST.inc()
    return Settlement(charged, already_settled=state is not None and not fresh)


def _give_back(hold_id: str, decided: "asyncio.Future[Decision]") -> None:
    """The caller left while the money was on its way: nobody will use the hold."""
    if decided.exception() is None and decided.result().outcome == "held":
        voided = _roads().closings.ask(_Closing(hold_id, "voided", finish="abandoned"))
        voided.add_done_callback(lambda done: done.exception())  # if it fails, the sweep is next


@dataclass(frozen=True, slots=True)
class _Roads:
    """`owners`: the organisations of the holds that this process has open."""

    holds: Batcher[HoldRequest, Decision]
    closings: Batcher[_Closing, Settlement]
    owners: dict[str, str]


_roads_of: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Roads]" = (
    weakref.WeakKeyDictionary()
)


def _roads() -> _Roads:
    loop = asyncio.get_running_loop()
    if loop not in _roads_of:
        owners: dict[str, str] = {}
        _roads_of[loop] = _Roads(
            Batcher(_send_holds, "holds", lambda request: request.organisation_id),
            Batcher(_send_closings, "closings", lambda closing: owners.get(closing.id, "")),
            owners,
        )
    return _roads_of[loop]
