"""The demo login and key are made once, kept, and made again when they are lost."""

import json
import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import APIKey, User
from billing.accounts import customer_account
from chatbots import making
from chatbots.author import SYSTEM
from config import first_run
from knowledge.models import StoreFile

pytestmark = pytest.mark.django_db


def test_the_first_start_makes_an_administrator_a_key_and_credit(tmp_path: Path) -> None:
    made = first_run.credentials(tmp_path)
    user = User.objects.get(email=made.email)
    assert user.check_password(made.password)
    assert user.is_staff
    assert user.is_superuser
    key = APIKey.objects.get(created_by=user)
    assert customer_account(key.organisation_id).available == first_run.DEMO_CREDIT


def test_they_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    made = first_run.credentials(tmp_path)
    file = tmp_path / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["api_key"] == made.api_key
    assert [path.name for path in tmp_path.iterdir()] == ["credentials.json"]


def test_later_starts_find_the_same_ones(tmp_path: Path) -> None:
    assert first_run.credentials(tmp_path) == first_run.credentials(tmp_path)
    assert User.objects.count() == 1


def test_the_first_start_makes_a_chatbot_that_knows_the_docs(tmp_path: Path) -> None:
    made = first_run.credentials(tmp_path)
    guide = first_run.chatbot(made)
    assert guide is not None
    assert guide.live is not None
    assert guide.publishable_text.startswith("pk-")
    waiting = set(StoreFile.objects.values_list("file__filename", "status"))
    pages = (settings.BASE_DIR / "docs").glob("*.md")
    assert waiting == {(page.name, "in_progress") for page in pages}
    assert first_run.chatbot(made) == guide
    assert StoreFile.objects.count() == len(waiting)


def test_a_chatbot_that_its_owner_deleted_stays_away(tmp_path: Path) -> None:
    made = first_run.credentials(tmp_path)
    guide = first_run.chatbot(made)
    assert guide is not None
    making.delete(guide, SYSTEM)
    assert first_run.chatbot(made) is None


def test_a_lost_file_gets_a_new_password_and_a_new_key_for_the_same_owner(tmp_path: Path) -> None:
    lost = first_run.credentials(tmp_path)
    (tmp_path / "credentials.json").unlink()
    made = first_run.credentials(tmp_path)
    assert made.email == lost.email
    assert User.objects.get(email=made.email).check_password(made.password)
    answer = Client().get("/v1/me", headers={"Authorization": f"Bearer {made.api_key}"})
    assert answer.status_code == 200


def test_a_fresh_database_beside_an_old_file_is_filled_anew(tmp_path: Path) -> None:
    old = first_run.credentials(tmp_path)
    APIKey.objects.all().delete()
    User.objects.all().delete()
    made = first_run.credentials(tmp_path)
    assert made.api_key != old.api_key
    assert User.objects.get(email=made.email).check_password(made.password)


def test_production_gives_no_credit(tmp_path: Path, settings: object) -> None:
    settings.PRODUCTION = True  # type: ignore[attr-defined]  # pytest-django's own object
    made = first_run.credentials(tmp_path)
    key = APIKey.objects.get(created_by__email=made.email)
    assert customer_account(key.organisation_id).available == 0
