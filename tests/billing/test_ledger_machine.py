"""Any order of holds, charges, deaths, sweeps and payments leaves the book exact.

A plain Python model says what each step must answer and what must stand on the account after it.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from api import database, ids
from api.errors import InsufficientBalance, KeyBudgetExceeded
from billing import adjusting, auditing, ledger, pricing, sweeping, topping_up, usage
from billing.models import Account, BudgetWindow, Hold, Journal
from billing.pricing import Price as Rate
from tests.billing.conftest import Tenant, new_tenant, set_price

RATES = {"paid": Rate(3_100, 700, 9_300), "free": Rate(0, 0, 0), "flat": Rate(5_000, 5_000, 0)}
BUDGET = 400


@dataclass
class Call:
    """What the model knows of a hold."""

    request: ledger.HoldRequest
    amount: int
    max_output: int
    state: str = "open"
    charged: int = 0
    delivered: tuple[int, int] = (0, 0)  # cached, completion at the last checkpoint
    is_lapsed: bool = False

    @property
    def held(self) -> int:
        return self.amount if self.state == "open" else 0

    @property
    def rate(self) -> Rate:
        return RATES[self.request.model]

    def cost(self, cached: int, completion: int) -> int:
        prompt = self.request.prompt_tokens
        return min(self.amount, pricing.charge(self.rate, prompt, cached, completion))


def dies(hold_ids: list[str]) -> None:
    """The process of these calls does not renew them for a minute."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_hold SET lease_until = now() - interval '1 second' WHERE id = ANY (%s)",
            [hold_ids],
        )


class Book(RuleBasedStateMachine):
    calls = Bundle("calls")

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        left = Hold.objects.open().values_list("pk", flat=True)  # by the example before
        dies(list(left))
        sweeping.sweep()
        self.tenant: Tenant = new_tenant("Machine", 0)
        self.paid = 0  # by top-ups, refunds and adjustments
        self.known: list[Call] = []
        self.top_ups: list[Journal] = []
        self.window_began: int | None = None  # charges before the first call with a budget

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.await_(ledger.drain())
            self.await_(database.close())
            self.runner.close()

    def await_(self, work: Any) -> Any:
        return self.runner.run(work)

    # --- what the model expects

    @property
    def spent(self) -> int:
        return sum(call.charged for call in self.known)

    @property
    def held(self) -> int:
        return sum(call.held for call in self.known)

    @property
    def available(self) -> int:
        return self.paid - self.spent - self.held

    def budget_left(self) -> int:
        counted = [call for call in self.known if call.request.budget_nano is not None]
        return BUDGET - sum(call.charged + call.held for call in counted) - (self.window_began or 0)

    # --- steps

    @rule(
        target=calls,
        model=st.sampled_from(sorted(RATES)),
        prompt=st.integers(0, 60),
        output=st.integers(1, 60),
        choices=st.integers(1, 3),
        is_budgeted=st.booleans(),
    )
    def hold(self, model: str, prompt: int, output: int, choices: int, is_budgeted: bool) -> Any:
        request = self.tenant.request(
            model=model, prompt_tokens=prompt, max_output=output, choices=choices,
            budget_nano=BUDGET if is_budgeted else None,
            budget_period="total" if is_budgeted else None,
        )  # fmt: skip
        if is_budgeted and self.window_began is None:
            self.window_began = self.spent
        granted = self.granted(request)
        try:
            hold = self.await_(ledger.hold(request))
        except (InsufficientBalance, KeyBudgetExceeded) as refusal:
            self.check_refusal(granted, refusal, is_budgeted)
            return multiple()
        assert hold.max_output == granted
        call = Call(request, hold.amount, hold.max_output)
        total = choices * hold.max_output
        assert hold.amount == pricing.hold_amount(call.rate, prompt, total)
        self.known.append(call)
        return call

    def check_refusal(self, granted: int | None, refusal: Exception, is_budgeted: bool) -> None:
        assert granted is None
        budget_is_short = is_budgeted and self.budget_left() < self.available
        assert isinstance(refusal, KeyBudgetExceeded) == budget_is_short

    def granted(self, request: ledger.HoldRequest) -> int | None:
        """Output tokens that the money allows; None: refused."""
        rate = RATES[request.model]
        wanted = request.choices * request.max_output
        full = pricing.hold_amount(rate, request.prompt_tokens, wanted)
        room = self.available
        if request.budget_nano is not None:
            room = min(room, self.budget_left())
        if full == 0 or full <= room:
            return request.max_output
        lowered = pricing.affordable_output(rate, request.prompt_tokens, request.choices, room)
        return lowered if lowered is not None and lowered >= request.minimum_output else None

    @rule(call=calls)
    def hold_again(self, call: Call) -> None:
        hold = self.await_(ledger.hold(call.request))
        assert (hold.amount, hold.max_output) == (call.amount, call.max_output)

    @rule(call=calls, share=st.floats(0, 1), cached_share=st.floats(0, 1))
    def renew(self, call: Call, share: float, cached_share: float) -> None:
        cached, completion = self.tokens(call, share, cached_share)
        checkpoint = ledger.Checkpoint(
            call.request.id, call.request.prompt_tokens, cached, completion
        )
        renewed = self.await_(ledger.renew([checkpoint]))
        assert renewed == (call.state == "open")
        if renewed:
            call.delivered, call.is_lapsed = (cached, completion), False

    @rule(call=calls, share=st.floats(0, 1), cached_share=st.floats(0, 1), times=st.integers(1, 3))
    def settle(self, call: Call, share: float, cached_share: float, times: int) -> None:
        """Also of what was swept before (late), also several times at once."""
        cached, completion = self.tokens(call, share, cached_share)
        expected, fresh = call.charged, call.state in {"open", "expired"}
        if fresh:
            expected = call.cost(cached, completion)
            if call.state == "expired":
                expected = min(expected, call.charged + max(0, self.available))
            call.state = "settled"
            call.charged = expected
        used = ledger.Usage(call.request.prompt_tokens, cached, completion)

        async def settles() -> list[ledger.Settlement]:
            one = (ledger.settle(call.request.id, used, "stop", 1, 2) for _ in range(times))
            return await asyncio.gather(*one)

        answers = self.await_(settles())
        assert {answer.charged_nano for answer in answers} == {expected}
        assert sum(not answer.already_settled for answer in answers) == fresh

    @rule(call=calls)
    def void(self, call: Call) -> None:
        answer = self.await_(ledger.void(call.request.id, "error"))
        if call.state == "open" or (call.state == "expired" and call.charged == 0):
            call.state = "voided"
        assert answer.charged_nano == call.charged

    @rule(call=calls)
    def its_process_dies(self, call: Call) -> None:
        dies([call.request.id])
        call.is_lapsed = True

    @rule()
    def sweep(self) -> None:
        lapsed = [call for call in self.known if call.state == "open" and call.is_lapsed]
        for call in lapsed:
            call.state = "expired"
            call.charged = call.cost(*call.delivered) if call.delivered[1] else 0
        paid = sum(call.charged > 0 for call in lapsed)
        assert sweeping.sweep() == sweeping.Swept(charged=paid, voided=len(lapsed) - paid)

    @rule(nano=st.integers(1, 1_000), times=st.integers(1, 2))
    def top_up(self, nano: int, times: int) -> None:
        ref = ids.new("ref")
        for _ in range(times):
            journal = topping_up.top_up(self.tenant.organisation, nano, ref).journal
        self.top_ups.append(journal)
        self.paid += nano

    @rule(nano=st.integers(-500, 500).filter(bool))
    def adjust(self, nano: int) -> None:
        move = (self.tenant.organisation, nano, ids.new("ref"))
        if self.available + nano < 0:
            with pytest.raises(InsufficientBalance):
                adjusting.adjust(*move, actor="test", note="test")
        else:
            adjusting.adjust(*move, actor="test", note="test")
            self.paid += nano

    @rule(call=calls)
    @precondition(lambda self: self.spent > 0)
    def refund(self, call: Call) -> None:
        """All of what is left of the first charge of a call, once."""
        ref = f"refund of {call.request.id}"
        charge = Journal.objects.filter(kind="charge", ref=call.request.id).first()
        if charge is None or Journal.objects.filter(kind="refund", ref=ref).exists():
            return
        legs = charge.entries.filter(account__kind=Account.Kind.REVENUE)
        nano = legs.values_list("amount", flat=True).get()
        adjusting.refund(charge, nano, ref, actor="test")
        self.paid += nano

    @rule()
    @precondition(lambda self: self.top_ups)
    def charge_back(self) -> None:
        journal = self.top_ups.pop()
        taken = min(-journal.entries.get(amount__lt=0).amount, self.available)
        adjusting.charge_back(journal, ids.new("ref"))
        self.paid -= taken

    @rule()
    def roll_up(self) -> None:
        usage.rebuild()

    def tokens(self, call: Call, share: float, cached_share: float) -> tuple[int, int]:
        """Cached and completion tokens within what the call may use."""
        most = call.max_output * call.request.choices
        return int(cached_share * call.request.prompt_tokens), int(share * most)

    # --- what holds after every step

    @invariant()
    def the_account_is_as_expected(self) -> None:
        account = self.tenant.account
        assert (account.available, account.held) == (max(0, self.available), self.held)
        assert (account.month_spent, account.month_held) == (self.spent, self.held)

    @invariant()
    def nothing_drifts(self) -> None:
        assert auditing.audit().total == 0

    @invariant()
    def the_budget_is_as_expected(self) -> None:
        window = BudgetWindow.objects.filter(key__organisation=self.tenant.organisation).first()
        if window is not None:
            counted = [call for call in self.known if call.request.budget_nano is not None]
            assert window.held == sum(call.held for call in counted)
            charged = sum(call.charged for call in counted)
            assert window.spent == (self.window_began or 0) + charged


def test_any_order_of_events_leaves_the_book_exact(transactional_db: None) -> None:
    for model, rate in RATES.items():
        set_price(model, rate)
    run_state_machine_as_test(
        Book,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
