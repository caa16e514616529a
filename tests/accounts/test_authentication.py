"""Who may come in, by the generating routes' door and by DRF's, on the same rules."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db.models import Model
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import key_material, keys
from accounts.authentication import Caller, authenticate
from accounts.models import APIKey, Membership, Organisation, User
from api import database
from api.errors import ApiError, DatabaseUnavailable, Forbidden, Unauthenticated
from api.rate_limits import Limits
from tests.cast import Person

Door = Callable[[str | None, str], Awaitable[int]]


async def by_pool(authorization: str | None, address: str) -> int:
    """The status that the generating routes would answer."""
    try:
        await authenticate(authorization, address)
    except ApiError as error:
        return error.status
    return 200


async def by_rest(authorization: str | None, address: str) -> int:
    client = APIClient(REMOTE_ADDR=address)
    if authorization is not None:
        client.credentials(HTTP_AUTHORIZATION=authorization)
    return int((await sync_to_async(client.get)("/v1/me")).status_code)


@pytest.fixture(params=[by_pool, by_rest])
def door(request: pytest.FixtureRequest, async_db: None) -> Door:
    chosen: Door = request.param
    return chosen


async def change(rows: type[Model], **fields: Any) -> None:
    await sync_to_async(rows._default_manager.update)(**fields)


async def test_a_good_key_comes_in(door: Door, ada: Person) -> None:
    assert await door(f"Bearer {ada.key}", "127.0.0.1") == 200
    assert await door(f"bearer   {ada.key} ", "127.0.0.1") == 200


async def test_keys_that_are_asked_about_together_are_each_their_own(
    async_db: None, ada: Person, ben: Person, mallory: Person
) -> None:
    people, unknown = (ada, mallory, ben), key_material.generate().plaintext
    asked = [person.key for _ in range(20) for person in people] + [unknown]
    told = await asyncio.gather(
        *(authenticate(f"Bearer {key}", None) for key in asked), return_exceptions=True
    )
    owners = [one.organisation_id for one in told if isinstance(one, Caller)]
    assert owners == [person.organisation.id for _ in range(20) for person in people]
    assert isinstance(told[-1], Unauthenticated)


async def test_a_missing_or_wrong_key_is_unauthenticated(door: Door, ada: Person) -> None:
    unknown = key_material.generate().plaintext
    wrong = (
        None, "", "Bearer", "Basic abc", ada.key, "Bearer sk-1", f"Bearer {unknown}",
        f"Bearer {ada.key[:-1]}", f"Bearer {ada.key} {ada.key}", "Bearer \x00é",
    )  # fmt: skip
    for header in wrong:
        assert await door(header, "127.0.0.1") == 401, header


async def test_a_refusal_never_repeats_the_key(async_db: None) -> None:
    for wrong in (key_material.generate().plaintext, "sk-mistyped"):
        with pytest.raises(Unauthenticated) as refused:
            await authenticate(f"Bearer {wrong}", None)
        assert wrong not in str(refused.value.body())
        assert refused.value.headers() == {"www-authenticate": "Bearer"}


async def test_an_expired_key_is_unauthenticated(door: Door, ada: Person) -> None:
    await change(APIKey, expires_at=timezone.now() + timedelta(seconds=30))
    assert await door(f"Bearer {ada.key}", "127.0.0.1") == 200
    await change(APIKey, expires_at=timezone.now() - timedelta(seconds=1))
    assert await door(f"Bearer {ada.key}", "127.0.0.1") == 401


async def test_revocation_bites_on_the_next_request(door: Door, ada: Person) -> None:
    assert await door(f"Bearer {ada.key}", "127.0.0.1") == 200
    await change(APIKey, revoked_at=timezone.now())
    assert await door(f"Bearer {ada.key}", "127.0.0.1") == 401


async def test_a_locked_out_user_locks_their_keys_out(door: Door, ada: Person) -> None:
    await change(User, is_active=False)
    assert await door(f"Bearer {ada.key}", "127.0.0.1") == 401


async def test_a_key_dies_with_its_creators_membership(door: Door, ada: Person) -> None:
    await Membership.objects.all().adelete()
    assert await door(f"Bearer {ada.key}", "127.0.0.1") == 401


async def test_a_suspended_organisation_is_forbidden(door: Door, ada: Person) -> None:
    await change(Organisation, suspended_at=timezone.now())
    assert await door(f"Bearer {ada.key}", "127.0.0.1") == 403


async def test_a_key_bound_to_networks_works_from_there_only(door: Door, ada: Person) -> None:
    await change(APIKey, cidrs=["203.0.113.0/24", "2001:db8::/32"])
    assert await door(f"Bearer {ada.key}", "203.0.113.7") == 200
    assert await door(f"Bearer {ada.key}", "2001:db8::1") == 200
    assert await door(f"Bearer {ada.key}", "203.0.114.7") == 403


async def test_a_publishable_key_opens_no_api(door: Door, ada: Person) -> None:
    _, plaintext = await sync_to_async(keys.issue)(
        ada.organisation.id, name="widget", kind="publishable"
    )
    assert plaintext.startswith("pk-")
    assert await door(f"Bearer {plaintext}", "127.0.0.1") == 403


async def test_the_caller_says_what_the_key_may_do(async_db: None, ada: Person) -> None:
    await change(APIKey, allowed_models=["a"], budget_nano=5, budget_period="day")
    caller = await authenticate(f"Bearer {ada.key}", None)
    key = await APIKey.objects.aget()
    assert caller == Caller(
        organisation_id=ada.organisation.id,
        key_id=key.id,
        meter_id=key.id,
        scopes=frozenset(key.scopes),
        allowed_models=("a",),
        limits=Limits(60, 150_000),
        default_model=None,
        budget_nano=5,
        budget_period="day",
        user_id=ada.user.id,
    )


async def test_a_key_never_outranks_its_creator(async_db: None, ada: Person) -> None:
    await change(Membership, role="analyst")
    caller = await authenticate(f"Bearer {ada.key}", None)
    assert caller.scopes == {"chatbots:read", "models:read", "usage:read"}
    with pytest.raises(Forbidden, match="lacks the scope 'inference'"):
        caller.require("inference")


async def test_a_malformed_key_asks_the_database_nothing(
    async_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "connection", None)
    with pytest.raises(Unauthenticated):
        await authenticate("Bearer sk-" + "0" * 42, None)


async def test_a_lost_database_is_unavailable_and_never_unauthenticated(
    async_db: None, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.close()
    monkeypatch.setattr(database, "_parameters", lambda: {"host": "/nowhere", "dbname": "x"})
    began = asyncio.get_running_loop().time()
    with pytest.raises(DatabaseUnavailable) as refused:
        await authenticate(f"Bearer {ada.key}", None)
    assert asyncio.get_running_loop().time() - began < 2
    assert refused.value.retry_after
