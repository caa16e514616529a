"""The billing page: a card is kept and looks after the balance, a cap stops what passes it."""

import pytest
from django.test import Client
from django.utils import timezone

from billing import adjusting, alerts, caps
from billing.accounts import customer_account
from billing.models import Account, AutoTopUp, Payment, TopUp
from billing.payments import automatic
from tests.cast import Person
from tests.dashboard.conftest import signed_in

DOLLAR = 10**9
AMOUNTS = {"below": "5.00", "amount": "$20", "most_a_month": "40"}


def address(person: Person, name: str = "") -> str:
    return f"/dashboard/{person.organisation.slug}/billing{name}"


def cap_of(person: Person) -> caps.Cap | None:
    return caps.of(customer_account(person.organisation.id))


def keep_card(client: Client, person: Person, **ticks: str) -> None:
    checkout = client.post(address(person, "/top-up"), {"amount": "10", "saves_card": "on"})
    assert "Test payment" in client.get(checkout["Location"]).content.decode()
    client.post(checkout["Location"], {"pay": "", **ticks})


def test_a_card_is_kept_and_pays_when_the_balance_is_low(as_ada: Client, ada: Person) -> None:
    before = as_ada.get(address(ada)).content.decode()
    assert "No card is kept yet." in before
    keep_card(as_ada, ada)
    assert "Paid by <b>Test card 4242</b>" in as_ada.get(address(ada)).content.decode()
    assert as_ada.post(address(ada, "/auto"), AMOUNTS)["Location"] == address(ada)
    adjusting.adjust(ada.organisation, -8 * DOLLAR, "used", actor="test", note="")
    assert automatic.work() == 1
    assert customer_account(ada.organisation.id).balance == 23 * DOLLAR
    html = as_ada.get(address(ada)).content.decode()
    paid = TopUp.objects.get(payment__automatic=True)
    assert paid.journal_id in {line.id for line in as_ada.get(address(ada)).context["page"].rows}
    assert "Switch off" in html
    as_ada.post(address(ada, "/auto"), {"off": ""})
    assert not AutoTopUp.objects.get().is_on


def test_a_card_that_declines_is_said_on_the_page_and_the_overview(
    as_ada: Client, ada: Person
) -> None:
    keep_card(as_ada, ada, declines="on")
    as_ada.post(address(ada, "/auto"), AMOUNTS | {"below": "20"})
    automatic.work()
    html = as_ada.get(address(ada)).content.decode()
    assert "The last automatic top-up failed." in html
    assert "The test card declines every payment." in html
    for _ in range(2):
        AutoTopUp.objects.update(next_try_at=None)
        automatic.work()
    assert "it failed too often" in as_ada.get(address(ada)).content.decode()
    overview = as_ada.get(f"/dashboard/{ada.organisation.slug}/overview").content.decode()
    assert "Automatic top-up does not work" in overview


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"below": "30"}, "below"),
        ({"amount": "20.001"}, "amount"),
        ({"most_a_month": "19"}, "most_a_month"),
        ({"amount": "a lot"}, "amount"),
        ({"below": ""}, "below"),
        ({"below": "$"}, "below"),
        ({"amount": " $ "}, "amount"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(
    as_ada: Client, ada: Person, changes: dict[str, str], field: str
) -> None:
    keep_card(as_ada, ada)
    answer = as_ada.post(address(ada, "/auto"), AMOUNTS | changes)
    assert answer.status_code == 422
    assert list(answer.context["auto_form"].errors) == [field]
    assert not AutoTopUp.objects.get().is_on


def test_a_forgotten_card_pays_nothing(as_ada: Client, ada: Person) -> None:
    keep_card(as_ada, ada)
    as_ada.post(address(ada, "/auto"), AMOUNTS)
    as_ada.post(address(ada, "/auto"), {"forget": ""})
    auto = AutoTopUp.objects.get()
    assert (auto.is_on, auto.method, auto.label) == (False, "", "")
    assert "No card is kept yet." in as_ada.get(address(ada)).content.decode()


def test_a_cap_is_set_shown_and_taken_away(as_ada: Client, ada: Person) -> None:
    assert as_ada.post(address(ada, "/cap"), {"spending_cap": "0"}).status_code == 422
    assert as_ada.post(address(ada, "/cap"), {"spending_cap": "2.50"}).status_code == 302
    cap = cap_of(ada)
    assert cap is not None
    assert cap.limit == 2_500_000_000
    key = {"authorization": f"Bearer {ada.key}"}
    assert Client().get("/v1/balance", headers=key).json()["spending_cap"] == "2.50"
    account = customer_account(ada.organisation.id)
    html = as_ada.get(address(ada)).content.decode()
    assert 'value="2.50"' in html
    assert "of this month" not in html
    adjusted = Account.objects.filter(pk=account.pk)
    caps.recount()
    adjusted.update(month_spent=2_100_000_000)
    assert "84\N{NO-BREAK SPACE}% of this month" in as_ada.get(address(ada)).content.decode()
    adjusted.update(cap_refused_at=timezone.now())
    reached = as_ada.get(address(ada)).content.decode()
    assert "This month's spending cap is reached." in reached
    assert "of this month" not in reached
    as_ada.post(address(ada, "/cap"), {"spending_cap": ""})
    assert cap_of(ada) is None


@pytest.mark.parametrize(("language", "said"), [("en", "to $10,000."), ("de", "bis $10.000.")])
def test_a_limit_is_told_with_the_readers_separators(
    as_ada: Client, ada: Person, language: str, said: str
) -> None:
    asked = {"accept-language": language}
    refused = as_ada.post(address(ada, "/top-up"), {"amount": "1000000"}, headers=asked)
    assert said in refused.text


def test_an_analyst_reads_and_changes_nothing(ada: Person, ben: Person) -> None:
    client = signed_in(ben)
    caps.set_cap(ada.organisation.id, DOLLAR, ada.user.id)
    html = client.get(address(ben)).content.decode()
    assert "Spending cap" in html
    assert 'id="cap"' not in html
    for name, given in (("/cap", {"spending_cap": ""}), ("/auto", AMOUNTS)):
        assert client.post(address(ben, name), given).status_code == 403
    assert cap_of(ada) is not None
    assert not Payment.objects.exists()


def test_a_line_is_drawn_and_taken_away(as_ada: Client, ada: Person) -> None:
    refused = as_ada.post(address(ada, "/alert"), {"low_balance": "-1"})
    assert refused.status_code == 422
    assert list(refused.context["alert_form"].errors) == ["low_balance"]
    as_ada.post(address(ada, "/alert"), {"low_balance": "2,5"})
    assert 'value="2.50"' in as_ada.get(address(ada)).content.decode()
    as_ada.post(address(ada, "/alert"), {"low_balance": ""})
    assert alerts.line_of(ada.organisation.id) is None


def test_a_top_up_shows_the_digits_of_its_card_where_they_are_known(
    as_ada: Client, ada: Person
) -> None:
    checkout = as_ada.post(address(ada, "/top-up"), {"amount": "10"})["Location"]
    as_ada.post(checkout, {"pay": ""})
    TopUp.objects.filter(payment__isnull=False).update(provider="stripe")
    html = as_ada.get(address(ada)).content.decode()
    assert html.count("Card ending 4242") == 2  # in the ledger and among the receipts
    Payment.objects.update(card_last4="")
    html = as_ada.get(address(ada)).content.decode()
    assert "Card ending" not in html
    assert html.count("Card payment") == 2
    TopUp.objects.filter(payment__isnull=False).update(provider="fake")
    Payment.objects.update(card_last4="4242")
    assert "Test card ending 4242: no money moved" in as_ada.get(address(ada)).content.decode()


def test_a_balance_of_many_digits_is_written_smaller_where_there_is_no_room(
    as_ada: Client, ada: Person
) -> None:
    short = 9_999 * DOLLAR - customer_account(ada.organisation.id).balance
    adjusting.adjust(ada.organisation, short, "credit", actor="test", note="")
    assert "figure-long" not in as_ada.get(address(ada)).text
    adjusting.adjust(ada.organisation, DOLLAR, "more", actor="test", note="")
    assert "figure-long" in as_ada.get(address(ada)).text
