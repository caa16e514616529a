"""The low-balance line: a mail, a webhook and a banner each time the balance falls below."""

import json
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client

from accounts.models import AuditEntry, Membership, User, WebhookDelivery
from accounts.webhooks import endpoints
from api.errors import InvalidRequest
from billing import adjusting, alerts, topping_up
from billing.models import LowBalance
from tests.cast import Person

DOLLAR = 10**9
CENT = DOLLAR // 100


def spend(person: Person, nano: int, ref: str) -> None:
    adjusting.adjust(person.organisation, -nano, ref, actor="test", note="spent")


@pytest.fixture
def watched(ada: Person, ben: Person) -> Person:
    """Ada has a dollar and wants to know below 50 cents; Ben, an analyst, is not told."""
    alerts.set_line(ada.organisation.id, 50 * CENT, ada.user.id)
    wanted = {"url": "https://example.com/hook", "events": ["balance.low"]}
    endpoints.create(ada.organisation.id, wanted, ada.user.id)
    return ada


def test_a_crossing_is_told_once_to_those_who_can_pay(watched: Person) -> None:
    spend(watched, 60 * CENT, "first")
    spend(watched, 10 * CENT, "second")
    assert (alerts.tell(), alerts.tell()) == (1, 0)
    assert [message.to for message in mail.outbox] == [[watched.user.email]]
    assert str(mail.outbox[0].subject) == "Ada's bakery has $0.40 left"
    assert "below the line of $0.50" in str(mail.outbox[0].body)
    delivery = WebhookDelivery.objects.get()
    told = json.loads(delivery.body)
    assert (told["type"], told["data"]["balance"], told["data"]["line"]) == (
        "balance.low", "0.40", "0.50",
    )  # fmt: skip


def test_an_address_that_takes_no_mail_keeps_nobody_else_from_theirs(
    watched: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    carl = User.objects.create_user("carl@example.com", "battery staple")
    Membership.objects.create(organisation=watched.organisation, user=carl, role="billing")
    deliver = EmailMessage.send

    def refusing(letter: EmailMessage) -> int:
        if letter.to == [watched.user.email]:
            raise SMTPRecipientsRefused({})
        return deliver(letter)

    monkeypatch.setattr(EmailMessage, "send", refusing)
    spend(watched, 60 * CENT, "first")
    assert alerts.tell() == 1
    assert [message.to for message in mail.outbox] == [["carl@example.com"]]


def test_the_next_crossing_is_told_again(watched: Person) -> None:
    spend(watched, 60 * CENT, "first")
    alerts.tell()
    topping_up.top_up(watched.organisation, DOLLAR, "more")
    spend(watched, DOLLAR, "second")
    assert alerts.tell() == 1
    assert len(mail.outbox) == 2


def test_the_banner_stands_while_the_balance_is_below(watched: Person) -> None:
    organisation_id = watched.organisation.id
    assert alerts.banner_of(organisation_id) is None
    spend(watched, 60 * CENT, "first")
    banner = alerts.banner_of(organisation_id)
    assert banner is not None
    assert (banner.balance, banner.line) == (40 * CENT, 50 * CENT)
    assert banner.since == LowBalance.objects.get().crossed_at
    topping_up.top_up(watched.organisation, DOLLAR, "more")
    assert alerts.banner_of(organisation_id) is None


def test_without_a_line_nobody_is_told(watched: Person) -> None:
    alerts.set_line(watched.organisation.id, None, watched.user.id)
    spend(watched, 90 * CENT, "first")
    assert alerts.tell() == 0
    assert alerts.banner_of(watched.organisation.id) is None


def test_another_organisations_balance_tells_nobody_here(watched: Person, mallory: Person) -> None:
    topping_up.top_up(mallory.organisation, DOLLAR, "hers")
    spend(mallory, 90 * CENT, "first")
    assert alerts.tell() == 0


def test_a_line_is_an_amount_and_its_change_is_written_down(watched: Person) -> None:
    for wrong in (0, -1, 10**18):
        with pytest.raises(InvalidRequest):
            alerts.set_line(watched.organisation.id, wrong, watched.user.id)
    alerts.set_line(watched.organisation.id, 20 * CENT, watched.user.id)
    entry = AuditEntry.objects.filter(action="alert.changed").latest("created_at")
    assert (entry.before, entry.after) == ({"low_balance": "0.50"}, {"low_balance": "0.20"})


def test_lowering_the_line_is_no_crossing_and_raising_it_shows_the_banner(watched: Person) -> None:
    alerts.set_line(watched.organisation.id, 2 * DOLLAR, watched.user.id)
    assert alerts.tell() == 0  # the balance did not fall: a person moved the line
    assert alerts.banner_of(watched.organisation.id) is not None


def test_the_page_of_the_organisation_shows_the_line(watched: Person) -> None:
    http = Client()
    http.force_login(watched.user)
    page = http.get(f"/dashboard/{watched.organisation.slug}/billing")
    assert b"0.50" in page.content
