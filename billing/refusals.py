"""What the database decides about a hold, and how a refusal is told."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from api.errors import (
    ApiError,
    BudgetExhausted,
    InsufficientBalance,
    KeyBudgetExceeded,
    ModelUnavailable,
    SpendingCapReached,
    Unauthenticated,
)
from billing.pricing import Price, hold_amount, usd

if TYPE_CHECKING:
    from billing.ledger import HoldRequest


@dataclass(frozen=True, slots=True)
class Decision:
    """A row of ledger_hold."""

    outcome: Literal[
        "held", "insufficient_balance", "key_budget_exceeded", "spending_cap_reached",
        "chatbot_budget_exhausted", "no_price", "key_changed",
    ]  # fmt: skip
    amount: int
    max_output: int
    price: str
    input: int
    cached_input: int
    output: int
    room: int | None

    @property
    def rate(self) -> Price:
        return Price(self.input, self.cached_input, self.output)


def refusal(request: "HoldRequest", decision: Decision) -> ApiError:
    """What a decision against a call is to its caller: who is short of money, and by how much."""
    if decision.outcome == "key_changed":
        return Unauthenticated("This API key has been changed or revoked. Try again.")
    if decision.outcome == "no_price":
        return ModelUnavailable(f"The model {request.model} has no price yet. Choose another.")
    least = min(request.minimum_output, request.max_output) * request.choices
    needed = usd(hold_amount(decision.rate, request.prompt_tokens, least))
    room = usd(max(0, decision.room or 0))
    if decision.outcome == "key_budget_exceeded":
        return KeyBudgetExceeded(
            f"This call needs at least ${needed}, and this key's budget ({request.budget_period})"
            f" has ${room} left. Raise the budget, or wait for the next period."
        )
    if decision.outcome == "spending_cap_reached":
        return SpendingCapReached(
            f"This call needs at least ${needed}, and the organisation's spending cap has ${room}"
            " left this month. Raise the cap, or wait for the next month."
        )
    if decision.outcome == "chatbot_budget_exhausted":
        return BudgetExhausted(
            f"This prompt needs ${needed} at least; the chatbot's budget has ${room} left."
        )
    return InsufficientBalance(
        f"This call needs at least ${needed}, and ${room} of the balance can be spent now."
        " Add funds, shorten the prompt or lower max_tokens."
    )
