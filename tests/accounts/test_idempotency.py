"""One Idempotency-Key, one owner; others wait, hear the same answer, or are told why not."""

import asyncio
from datetime import timedelta
from hashlib import sha256

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import idempotency
from accounts.idempotency import StoredAnswer, claim, finish, release
from accounts.models import IdempotencyRecord
from api import database
from api.errors import IdempotencyInFlight, IdempotencyLost, IdempotencyMismatch, InvalidRequest
from tests.cast import Person

SAME = sha256(b"POST /v1/chat/completions {}").digest()
OTHER = sha256(b"POST /v1/chat/completions {'n': 2}").digest()
ANSWER = StoredAnswer(200, {"content-type": "text/event-stream"}, b"data: \xf0\x9f\x98\x80\n\n")

HERS = StoredAnswer(200, {}, b"{}")


@pytest.fixture
def organisation_id(ada: Person, async_db: None) -> str:
    return ada.organisation.id


async def test_a_new_key_is_ours(organisation_id: str) -> None:
    assert await claim(organisation_id, "k", SAME, "gen_1") is None


async def test_a_running_key_is_in_flight(organisation_id: str) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    with pytest.raises(IdempotencyInFlight) as refused:
        await claim(organisation_id, "k", SAME, "gen_2")
    assert refused.value.retry_after == 1


async def test_a_finished_key_gives_the_stored_answer_again(organisation_id: str) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    await finish("gen_1", ANSWER)
    assert await claim(organisation_id, "k", SAME, "gen_2") == ANSWER
    assert await claim(organisation_id, "k", SAME, "gen_3") == ANSWER


async def test_another_request_under_the_same_key_is_refused(organisation_id: str) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    with pytest.raises(IdempotencyMismatch):
        await claim(organisation_id, "k", OTHER, "gen_2")
    await finish("gen_1", ANSWER)
    with pytest.raises(IdempotencyMismatch):
        await claim(organisation_id, "k", OTHER, "gen_3")


async def test_a_released_key_is_free_again(organisation_id: str) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    await release("gen_1")
    assert await claim(organisation_id, "k", OTHER, "gen_2") is None


async def test_a_finished_key_cannot_be_released(organisation_id: str) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    await finish("gen_1", ANSWER)
    await release("gen_1")
    assert await claim(organisation_id, "k", SAME, "gen_2") == ANSWER


async def test_organisations_do_not_share_keys(organisation_id: str, mallory: Person) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    assert await claim(mallory.organisation.id, "k", SAME, "gen_2") is None
    await finish("gen_1", ANSWER)
    await finish("gen_2", HERS)
    assert await claim(organisation_id, "k", SAME, "gen_3") == ANSWER
    assert await claim(mallory.organisation.id, "k", SAME, "gen_4") == HERS


async def test_a_key_is_free_after_a_day(organisation_id: str) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    await finish("gen_1", ANSWER)
    record = await IdempotencyRecord.objects.aget()
    assert timedelta(hours=23, minutes=59) < record.expires_at - timezone.now()
    assert record.expires_at - timezone.now() <= timedelta(hours=24)
    await IdempotencyRecord.objects.aupdate(expires_at=timezone.now())
    assert await claim(organisation_id, "k", OTHER, "gen_2") is None
    record = await IdempotencyRecord.objects.aget()
    assert (record.state, record.body, record.hold_id) == ("running", None, "gen_2")


async def test_of_twenty_at_once_one_goes_on(organisation_id: str) -> None:
    claims = (claim(organisation_id, "k", SAME, f"gen_{number}") for number in range(20))
    outcomes = await asyncio.gather(*claims, return_exceptions=True)
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, IdempotencyInFlight) for outcome in outcomes) == 19


async def test_an_answer_is_kept_only_if_its_settlement_is(organisation_id: str) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    async with database.connection() as connection, connection.transaction(force_rollback=True):
        await finish("gen_1", ANSWER, connection)
    with pytest.raises(IdempotencyInFlight):
        await claim(organisation_id, "k", SAME, "gen_2")


async def test_a_charged_key_of_a_crashed_process_is_lost(organisation_id: str) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    assert await sync_to_async(idempotency.lose_many)(["gen_1", "gen_9"]) == 1
    with pytest.raises(IdempotencyLost) as refused:
        await claim(organisation_id, "k", SAME, "gen_2")
    assert refused.value.headers() == {"x-should-retry": "false"}


async def test_a_late_answer_is_found_again(organisation_id: str) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    await sync_to_async(idempotency.lose_many)(["gen_1"])
    await finish("gen_1", ANSWER)
    assert await claim(organisation_id, "k", SAME, "gen_2") == ANSWER


async def test_an_uncharged_key_of_a_crashed_process_is_free(organisation_id: str) -> None:
    await claim(organisation_id, "k", SAME, "gen_1")
    assert await sync_to_async(idempotency.running)(0) == ["gen_1"]
    assert await sync_to_async(idempotency.running)(120) == []
    assert await sync_to_async(idempotency.release_many)(["gen_1"]) == 1
    assert await claim(organisation_id, "k", SAME, "gen_2") is None


async def test_expired_records_are_pruned(organisation_id: str) -> None:
    await claim(organisation_id, "old", SAME, "gen_1")
    await IdempotencyRecord.objects.aupdate(expires_at=timezone.now())
    await claim(organisation_id, "new", SAME, "gen_2")
    assert await sync_to_async(idempotency.prune)() == 1
    assert [record.key async for record in IdempotencyRecord.objects.all()] == ["new"]


@pytest.mark.parametrize("key", ["", "x" * 256, "nul\x00", "line\nbreak"])
async def test_a_key_of_the_wrong_shape_is_refused(organisation_id: str, key: str) -> None:
    with pytest.raises(InvalidRequest, match="1 to 255 printable"):
        await claim(organisation_id, key, SAME, "gen_1")
