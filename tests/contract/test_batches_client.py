"""Batches through the real client on the live server: file in, counts while it runs, file out."""

import json
import time
from typing import Any

import openai
import pytest
from openai.types import Batch

from tests.contract.conftest import GENEROUS
from tests.patience import PATIENCE
from tests.running import Server, Tenant, wait_until

LINES = 300
FEWER = 250  # calls a minute than lines: a batch does not use them
DONE = {"completed", "failed", "expired", "cancelled"}


@pytest.fixture(scope="module")
def owner(server: Server) -> Tenant:
    return server.tenant("Batches", credit="5.00", **GENEROUS)


@pytest.fixture(scope="module")
def client(owner: Tenant) -> openai.OpenAI:
    return owner.client(max_retries=0)


def line(number: int, **fields: object) -> dict[str, object]:
    body: dict[str, Any] = {
        "model": "smarter-mini",
        "messages": [{"role": "user", "content": f"Count from 1 to {number % 9 + 2}."}],
        "max_tokens": 40,
        **fields,
    }
    return {
        "custom_id": f"request-{number}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body,
    }


def create(client: openai.OpenAI, lines: list[dict[str, object]], **fields: Any) -> Batch:
    raw = "\n".join(map(json.dumps, lines)).encode()
    file = client.files.create(file=("input.jsonl", raw), purpose="batch")
    return client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        **fields,
    )


def followed(client: openai.OpenAI, batch: Batch, seconds: float = 240) -> list[Batch]:
    """Every state that was seen, until it is over.

    The longer it takes the rarer it is asked, or we would use up what we may call in a minute.
    """
    seen, began = [batch], time.monotonic()
    while seen[-1].status not in DONE:
        passed = time.monotonic() - began
        assert passed < seconds, seen[-1]
        time.sleep(max(0.1, passed / 10))
        seen.append(client.batches.retrieve(batch.id))
    return seen


def status(client: openai.OpenAI, batch: Batch) -> str:
    return client.batches.retrieve(batch.id).status


def read(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(one) for one in client.files.content(file_id).text.splitlines()]


def test_a_batch_from_file_to_file(server: Server) -> None:
    owner = server.tenant("Few calls", credit="5.00", requests_per_minute=FEWER)
    client = owner.client(max_retries=0)
    before = owner.balance_nano()
    lines = [line(number) for number in range(LINES)]
    lines.append(line(LINES, temperature=7))
    batch = create(client, lines, metadata={"night": "first"})
    assert (batch.status, batch.metadata) == ("validating", {"night": "first"})
    seen = followed(client, batch)
    last = seen[-1]
    assert last.status == "completed"
    assert last.model == "smarter-mini"
    assert last.request_counts is not None
    assert last.request_counts.to_dict() == {"total": LINES + 1, "completed": LINES, "failed": 1}
    moving = {one.request_counts.completed for one in seen if one.request_counts}
    assert len(moving - {0, LINES}) >= 2, f"counts while it ran: {sorted(moving)}"

    answers = read(client, last.output_file_id)
    assert [answer["custom_id"] for answer in answers] == [f"request-{n}" for n in range(LINES)]
    (wrong,) = read(client, last.error_file_id)
    assert wrong["response"]["body"]["error"]["param"] == "temperature"

    bodies = [answer["response"]["body"] for answer in answers]
    charged = sum(nano(body["usage"]["cost"]) for body in bodies)
    assert before - owner.balance_nano() == charged
    assert last.usage is not None
    assert nano(last.usage.to_dict()["cost"]) == charged
    assert last.usage.output_tokens == sum(b["usage"]["completion_tokens"] for b in bodies)
    assert last.usage.input_tokens == sum(b["usage"]["prompt_tokens"] for b in bodies)
    told = owner.get(f"/v1/generations/{bodies[0]['id']}")
    assert told["state"] == "settled"


def test_half_of_what_the_same_calls_cost(client: openai.OpenAI) -> None:
    asked = line(3, temperature=0)
    (answer,) = read(client, followed(client, create(client, [asked]))[-1].output_file_id)
    body: Any = asked["body"]
    live = client.chat.completions.create(**body)
    batched = answer["response"]["body"]
    assert batched["choices"][0]["message"]["content"] == live.choices[0].message.content
    assert live.usage is not None
    full = nano(live.usage.to_dict()["cost"])
    assert nano(batched["usage"]["cost"]) == -(-full // 2)


def test_cancelled_within_seconds(client: openai.OpenAI) -> None:
    many = [line(n, max_tokens=400, n=8) for n in range(2000)]  # minutes of work
    batch = create(client, many)
    wait_until(lambda: status(client, batch) != "validating", 60, "it has begun")
    client.with_options(timeout=PATIENCE).chat.completions.create(
        model="smarter-mini", messages=[{"role": "user", "content": "Hello!"}], max_tokens=20
    )
    assert status(client, batch) == "in_progress", "a live call does not wait for a batch"
    assert client.batches.cancel(batch.id).status == "cancelling"
    last = followed(client, batch, seconds=PATIENCE)[-1]
    assert last.status == "cancelled"
    assert last.request_counts is not None
    completed = last.request_counts.completed
    if completed:
        assert len(read(client, last.output_file_id)) == completed


def test_a_new_batch_wakes_the_worker(client: openai.OpenAI, server: Server) -> None:
    followed(client, create(client, [line(0)]))
    assert "worker_not_woken" not in (server.data / "logs" / "web.log").read_text()


def test_listed_and_paged(client: openai.OpenAI) -> None:
    first, second = (create(client, [line(0)]) for _ in range(2))
    ids = [batch.id for batch in client.batches.list(limit=1)]
    assert ids.index(second.id) < ids.index(first.id)
    for batch in (first, second):
        assert followed(client, batch)[-1].status == "completed"


def test_a_stranger_finds_no_batch_and_no_file(client: openai.OpenAI, server: Server) -> None:
    batch = followed(client, create(client, [line(0)]))[-1]
    stranger = server.tenant("Nobody at all").client(max_retries=0)
    assert stranger.batches.list().data == []
    for look in (stranger.batches.retrieve, stranger.batches.cancel):
        with pytest.raises(openai.NotFoundError):
            look(batch.id)
    with pytest.raises(openai.NotFoundError):
        stranger.files.content(batch.output_file_id or "")
    with pytest.raises(openai.NotFoundError) as caught:
        stranger.batches.create(
            input_file_id=batch.input_file_id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
        )
    assert caught.value.param == "input_file_id"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"endpoint": "/v1/videos"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}},
         "output_expires_after.seconds"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(client: openai.OpenAI, fields: dict[str, Any], param: str) -> None:
    asked = {
        "input_file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        **fields,
    }
    with pytest.raises(openai.BadRequestError) as caught:
        client.batches.create(**asked)
    assert caught.value.param == param


def test_a_file_for_something_else_is_refused(client: openai.OpenAI) -> None:
    file = client.files.create(file=("note.txt", b"hello"), purpose="user_data")
    with pytest.raises(openai.BadRequestError) as caught:
        client.batches.create(
            input_file_id=file.id, endpoint="/v1/completions", completion_window="24h"
        )
    assert caught.value.param == "input_file_id"


def nano(dollars: Any) -> int:
    whole, _, fraction = str(dollars).partition(".")
    return int(whole) * 10**9 + int(fraction.ljust(9, "0"))
