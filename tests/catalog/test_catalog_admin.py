"""Administrators see the catalog, change its texts and give aliases; models come by command."""

import pytest
from django.test import Client

from accounts.models import User
from inference import defaults
from inference.models import ModelAlias, ServedModel

pytestmark = pytest.mark.django_db
MODELS, ALIASES = "/admin/inference/servedmodel/", "/admin/inference/modelalias/"


@pytest.fixture
def admin(client: Client) -> Client:
    defaults.ensure()
    client.force_login(
        User.objects.create_user("root@bees.example.com", "x", is_staff=True, is_superuser=True)
    )
    return client


def test_every_model_is_listed(admin: Client) -> None:
    page = admin.get(MODELS).content.decode()

    assert all(shipped.id in page for shipped in defaults.SHIPPED)


def test_texts_can_be_changed_and_what_the_weights_say_cannot(admin: Client) -> None:
    answer = admin.post(
        f"{MODELS}smarter-mini/change/",
        {
            "provider": "Bees", "owned_by": "bees", "best_for": "Honey", "default_max_output": 99,
            "state": "failed", "engine": "scripted:", "context_window": 9,
            "aliases-TOTAL_FORMS": 0, "aliases-INITIAL_FORMS": 0,
        },
    )  # fmt: skip

    assert answer.status_code == 302
    row = ServedModel.objects.get(pk="smarter-mini")
    assert (row.provider, row.best_for, row.default_max_output) == ("Bees", "Honey", 99)
    assert (row.state, row.context_window) == ("installed", 2048)
    assert row.engine.startswith("local:")


def test_models_are_neither_added_nor_deleted_here(admin: Client) -> None:
    assert admin.get(f"{MODELS}add/").status_code == 403
    assert admin.post(f"{MODELS}smarter-mini/delete/", {"post": "yes"}).status_code == 403


def test_an_alias_is_given_and_the_name_of_an_installed_model_is_refused(admin: Client) -> None:
    assert admin.post(f"{ALIASES}add/", {"name": "a/b", "model": "smarter-mini"}).status_code == 302
    refused = admin.post(f"{ALIASES}add/", {"name": "smarter-mini", "model": "gemma-2-9b-it"})

    assert "is an installed model" in refused.content.decode()
    assert list(ModelAlias.objects.values_list("name", flat=True)) == ["a/b"]
