"""`manage.py organisations create`: an organisation, an owner, a key with limits, exact credit."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import APIKey, Membership, Organisation
from billing.accounts import customer_account

pytestmark = pytest.mark.django_db


def create(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    call_command("organisations", "create", "Bees & Co", "--json", *options)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_it_tells_who_was_made_and_the_key_works(capsys: pytest.CaptureFixture[str]) -> None:
    told = create(capsys)
    assert set(told) == {"organisation", "email", "password", "api_key"}
    answer = Client().get("/v1/me", headers={"Authorization": f"Bearer {told['api_key']}"})
    assert answer.json()["organisation"]["id"] == told["organisation"]
    assert Membership.objects.get(user__email=told["email"]).role == "owner"


def test_credit_is_exact_to_the_nano_dollar(capsys: pytest.CaptureFixture[str]) -> None:
    told = create(capsys, "--credit", "1.000000001")
    assert customer_account(told["organisation"]).available == 1_000_000_001


def test_without_credit_the_account_is_open_and_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert customer_account(create(capsys)["organisation"]).available == 0


def test_the_key_has_the_limits_that_were_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    told = create(capsys, "--requests-per-minute", "7", "--tokens-per-minute", "900")
    key = APIKey.objects.get(organisation=told["organisation"])
    assert (key.requests_per_minute, key.tokens_per_minute) == (7, 900)


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "two\nlines", "\udcff"])
def test_a_name_that_is_none_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(CommandError, match=r"^A name has 1 to 120 characters[^.]*\.$"):
        call_command("organisations", "create", name)
    assert Organisation.objects.count() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ("--credit", "-1"),
        ("--credit", "1.0000000001"),
        ("--credit", "NaN"),
        ("--credit", "lots"),
        ("--requests-per-minute", "0"),
        ("--tokens-per-minute", "1.5"),
    ],
)
def test_wrong_amounts_are_refused_and_nothing_is_made(wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("organisations", "create", "Bees", *wrong)
    assert Organisation.objects.count() == 0
