"""A key's last use is written once a minute, and nobody waits for it."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import last_use
from accounts.authentication import authenticate
from accounts.models import APIKey
from api import database
from api.errors import DatabaseUnavailable
from tests.accounts.conftest import ClientOf
from tests.cast import Person


async def test_the_generating_door_writes_it_behind_the_callers_back(
    async_db: None, ada: Person
) -> None:
    await authenticate(f"Bearer {ada.key}", "192.0.2.7", "curl/8")
    await database.close()
    key = await APIKey.objects.aget()
    assert (key.last_used_from, key.last_used_by) == ("192.0.2.7", "curl/8")
    assert (first := key.last_used_at) is not None
    last_use.forget_all()  # as another process would not know
    await authenticate(f"Bearer {ada.key}", None)
    await database.close()
    assert (await APIKey.objects.aget()).last_used_at == first
    await APIKey.objects.aupdate(last_used_at=timezone.now() - timedelta(seconds=61))
    last_use.forget_all()
    await authenticate(f"Bearer {ada.key}", None)
    await database.close()
    assert (await APIKey.objects.aget()).last_used_at > first  # type: ignore[operator] # not null


def test_rest_writes_it_too_with_who_called(ada: Person, client_of: ClientOf) -> None:
    program = "openai-python/2.0\x00 " + "x" * 300
    client_of(ada.key).get("/v1/me", HTTP_USER_AGENT=program, REMOTE_ADDR="192.0.2.7")
    key = APIKey.objects.get()
    assert key.last_used_at is not None
    assert key.last_used_from == "192.0.2.7"
    assert key.last_used_by == "openai-python/2.0 " + "x" * 182


def test_it_is_due_once_a_minute() -> None:
    assert [last_use.is_due("key") for _ in range(3)] == [True, False, False]
    assert last_use.is_due("other")


async def test_a_lost_database_leaves_it_due(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(database, "connection", lost)
    assert last_use.is_due("key")
    await last_use.write("key", None, None)
    assert last_use.is_due("key")
    assert await sync_to_async(lambda: True)()
