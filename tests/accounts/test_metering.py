"""What a key's rate limit refuses is counted by key and hour, some seconds later, all at once."""

from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import metering
from accounts.authentication import Caller, authenticate
from accounts.models import APIKey, Refusal
from api import database
from api.errors import LargerThanLimit, RateLimited
from tests.accounts.conftest import ClientOf
from tests.cast import Person


@pytest.fixture(autouse=True)
def written_when_a_test_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has just started, and no event loop writes by itself meanwhile."""
    metering.forget_all()
    monkeypatch.setattr(metering, "EVERY", 600.0)
    monkeypatch.setattr(metering, "_timer_until", -600.0)


async def narrow(person: Person, **limits: int) -> Caller:
    await APIKey.objects.filter(organisation=person.organisation).aupdate(**limits)
    return await authenticate(f"Bearer {person.key}", None)


async def counted() -> list[tuple[Any, ...]]:
    rows = Refusal.objects.values_list("organisation_id", "key_id", "calls")
    return [row async for row in rows]


async def test_refusals_of_requests_and_tokens_are_one_sum(async_db: None, ada: Person) -> None:
    caller = await narrow(ada, requests_per_minute=2, tokens_per_minute=100)
    for _ in range(2):
        await metering.atake_request(caller)
    for _ in range(30):
        with pytest.raises(RateLimited):
            await metering.atake_request(caller)
    with pytest.raises(LargerThanLimit):
        await metering.atake_tokens(caller, 101)
    assert await counted() == []  # nobody waited for a write
    await metering.write()
    assert await counted() == [(ada.organisation.id, caller.key_id, 31)]
    with pytest.raises(RateLimited):
        await metering.atake_request(caller)
    await metering.write()
    assert await counted() == [(ada.organisation.id, caller.key_id, 32)]


async def test_an_event_loop_writes_by_itself(
    async_db: None, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def later(work: Coroutine[None, None, None]) -> None:
        asked.append(work)
        work.close()

    caller = await narrow(ada, tokens_per_minute=1)
    monkeypatch.setattr(database, "later", later)
    monkeypatch.setattr(metering, "EVERY", 0.0)
    with pytest.raises(RateLimited):
        await metering.atake_tokens(caller, 2)
    await sync_to_async(lambda: None)()  # a turn of the loop
    assert len(asked) == 1


def test_rest_counts_too(ada: Person, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    APIKey.objects.update(requests_per_minute=1)
    client = client_of(ada.key)
    assert [client.get("/v1/me").status_code for _ in range(3)] == [200, 429, 429]
    assert not Refusal.objects.exists()
    monkeypatch.setattr(metering, "EVERY", 0.0)  # so long after the last write
    assert client.get("/v1/me").status_code == 429
    assert Refusal.objects.get().calls == 3


def test_a_key_that_is_gone_is_not_counted(db: None, ada: Person) -> None:
    metering._refused["key_gone", timezone.now().isoformat()] += 1
    metering.write_now()
    assert not Refusal.objects.exists()


def test_sums_are_kept_for_a_year(ada: Person) -> None:
    key = APIKey.objects.get()
    for days in (1, 399, 401):
        hour = timezone.now() - timedelta(days=days)
        Refusal.objects.create(organisation=ada.organisation, key=key, hour=hour, calls=1)
    assert metering.forget_old() == 1
    assert Refusal.objects.count() == 2
