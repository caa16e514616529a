"""A new organisation comes with an owner who can sign in and a key that works."""

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError, transaction

from accounts import scopes
from accounts.models import APIKey, AuditEntry, Membership, User
from accounts.registration import create_organisation
from tests.accounts.conftest import ClientOf
from tests.cast import Person

pytestmark = pytest.mark.django_db


def test_the_owner_can_sign_in_and_the_key_works(client_of: ClientOf) -> None:
    made = create_organisation("Ada's bakery", "Ada@Example.com", "correct horse")
    assert made.user.email == "ada@example.com"
    assert authenticate(username="ADA@example.com", password="correct horse") == made.user
    assert made.password == "correct horse"
    assert client_of(made.api_key).get("/v1/me").status_code == 200
    assert set(APIKey.objects.get().scopes) == scopes.ALL
    assert Membership.objects.get().role == "owner"


def test_an_address_and_a_password_are_made_up_when_none_are_given() -> None:
    made = create_organisation("Ada's bakery")
    assert made.user.email == "owner@adas-bakery.example.com"
    assert authenticate(username=made.user.email, password=made.password) == made.user
    assert not made.user.is_staff


def test_organisations_of_one_name_get_slugs_of_their_own() -> None:
    first, second = create_organisation("Twins"), create_organisation("Twins")
    assert first.organisation.slug == "twins"
    assert second.organisation.slug.startswith("twins-")


def test_a_name_without_letters_is_a_name() -> None:
    assert create_organisation("🥐").organisation.slug == "organisation"


def test_an_existing_user_keeps_their_password(ada: Person) -> None:
    made = create_organisation("Second shop", ada.user.email, "changed!")
    assert made.user == ada.user
    assert made.password is None
    assert authenticate(username=ada.user.email, password="correct horse") == ada.user


def test_the_key_has_the_limits_asked_for() -> None:
    create_organisation("Busy", requests_per_minute=600, tokens_per_minute=9)
    key = APIKey.objects.get()
    assert (key.requests_per_minute, key.tokens_per_minute) == (600, 9)


def test_the_first_administrator_may_sign_in_to_the_administration() -> None:
    assert create_organisation("House", is_administrator=True).user.is_superuser


def test_the_audit_names_who_and_what_but_no_secret() -> None:
    made = create_organisation("Ada's bakery", "ada@example.com", "correct horse")
    entry = AuditEntry.objects.get()
    assert entry.action == "organisation.created"
    assert entry.target == made.organisation.id
    shown = str(entry.after)
    assert made.api_key not in shown
    assert "correct horse" not in shown


def test_addresses_differ_by_more_than_case(ada: Person) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="Ada@example.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user(ada.user.email.upper())
