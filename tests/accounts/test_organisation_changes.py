"""What an organisation may be called, and which model its calls without one may mean."""

import pytest
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from accounts import organisations, registration
from accounts.models import Organisation
from api.errors import InvalidRequest
from tests.accounts.conftest import ClientOf
from tests.cast import Person


@pytest.fixture
def http(ada: Person, client_of: ClientOf) -> APIClient:
    return client_of(ada.key)


@pytest.mark.parametrize(
    "model", ["", " ", "a b", "ünï", "-x", "<script>", "x" * 201, "a\u202eb", ["a"]]
)
def test_a_default_model_that_can_be_no_name_is_refused(http: APIClient, model: object) -> None:
    answer = http.patch("/v1/organisation", {"default_model": model}, format="json")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "default_model")
    assert Organisation.objects.get().default_model is None


def test_who_knows_the_models_is_asked_before_one_becomes_the_default(
    http: APIClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def only_mine(model: str, organisation_id: str) -> None:
        asked.append((model, organisation_id))
        if model != "mine":
            raise InvalidRequest("No such model.", param="default_model")

    monkeypatch.setattr(organisations, "model_validators", [only_mine])
    refused = http.patch("/v1/organisation", {"default_model": "other"}, format="json")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "default_model")
    assert Organisation.objects.get().default_model is None
    taken = http.patch("/v1/organisation", {"default_model": "mine"}, format="json")
    assert taken.json()["default_model"] == "mine"
    freed = http.patch("/v1/organisation", {"default_model": None}, format="json")
    assert freed.json()["default_model"] is None
    assert asked == [("other", ada.organisation.id), ("mine", ada.organisation.id)]


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 121, "two\nlines", "nul\0", "bell\a", "half\ud800", "line\u2028end"]
)
def test_a_name_that_nobody_can_read_makes_no_organisation(db: None, name: str) -> None:
    with pytest.raises(ValidationError, match="1 to 120 characters"):
        registration.create_organisation(name)
    assert not Organisation.objects.exists()


@pytest.mark.parametrize("name", ["Ada's bakery", "ベーカリー", "👩🏽‍🍳", "x" * 120, " trimmed "])
def test_any_readable_name_is_taken(db: None, name: str) -> None:
    assert registration.create_organisation(name).organisation.name == name.strip()


def test_a_name_cannot_be_changed_to_what_none_can_be(http: APIClient) -> None:
    for name in ("", " ", "x" * 121, "two\nlines"):
        answer = http.patch("/v1/organisation", {"name": name}, format="json")
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "name")
