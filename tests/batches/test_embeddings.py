"""Embeddings in a batch: each line charged and answered once, in the shapes of a live call."""

import base64
from array import array
from dataclasses import asdict
from typing import Any

import pytest
from django.db import connection

from billing import auditing
from billing.models import Hold
from inference.batches import lines, validating
from inference.batches.models import Batch, Line
from inference.models import ServedModel
from tests.batches.conftest import DOLLAR, INPUT, Fund, Json, Owner, content, work

EMBEDDINGS = "/v1/embeddings"


@pytest.fixture
def ada(fund: Fund) -> Owner:
    ServedModel.objects.update(capabilities=["chat", "completions", "embeddings"])
    return fund(tokens_per_minute=1)


def line(custom_id: str, asked: object, **fields: object) -> Json:
    body = {"model": "scripted", "input": asked, **fields}
    return {"custom_id": custom_id, "method": "POST", "url": EMBEDDINGS, "body": body}


def begun(ada: Owner, *asked: Json) -> Batch:
    return ada.create(asked, EMBEDDINGS)


def vectors(answer: Json) -> list[Any]:
    assert answer["response"]["status_code"] == 200
    body = answer["response"]["body"]
    assert (body["object"], body["model"]) == ("list", "scripted")
    return [item["embedding"] for item in body["data"]]


def test_lines_are_answered_like_live_calls(ada: Owner) -> None:
    batch = work(
        begun(
            ada,
            line("a", "soup"),
            line("b", ["soup", "bread"], encoding_format="base64"),
            line("c", [[5, 6, 7]]),
            line("d", ""),
        )
    )
    told = ada.shown(batch)
    assert told["request_counts"] == {"total": 4, "completed": 3, "failed": 1}
    one, two, three = content(told["output_file_id"])
    (soup,) = vectors(one)
    assert [len(vectors(answer)) for answer in (one, two, three)] == [1, 2, 1]
    decoded = array("f", base64.b64decode(vectors(two)[0]))
    assert decoded.tolist() == pytest.approx(soup)
    (wrong,) = content(told["error_file_id"])
    assert wrong["response"]["status_code"] == 400
    assert wrong["response"]["body"]["error"]["param"].startswith("input")


def test_half_of_the_price_is_paid_whatever_the_keys_minute_allows(ada: Owner) -> None:
    batch = work(begun(ada, *(line(f"r{n}", [[5] * (n + 1)]) for n in range(5))))
    assert (batch.completed, batch.prompt_tokens, batch.completion_tokens) == (5, 15, 0)
    charges = [-(-(n + 1) * ((INPUT + 1) // 2) // 1000) for n in range(5)]
    assert ada.money() == (DOLLAR - sum(charges), 0)
    assert batch.charged == sum(charges)
    assert not any(asdict(auditing.audit()).values())


def test_a_line_that_was_taken_by_another_worker_is_free(
    ada: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = lines.finish

    async def too_late(line_id: int, hold_id: str, *more: Any) -> None:
        attempts.append(hold_id)
        if len(attempts) == 1:
            raise lines.Taken("This line was taken by another worker.")
        await taken(line_id, hold_id, *more)

    attempts: list[str] = []
    monkeypatch.setattr(lines, "finish", too_late)
    work(begun(ada, line("a", [[5] * 1000])))
    paid = -(-1000 * ((INPUT + 1) // 2) // 1000)
    assert ada.money() == (DOLLAR - paid, 0)
    assert sorted(Hold.objects.values_list("state", "charged")) == [
        ("settled", paid),
        ("voided", 0),
    ]


def test_an_empty_balance_is_told_by_the_line(fund: Fund) -> None:
    ServedModel.objects.update(capabilities=["embeddings"])
    poor = fund(nano=0)
    batch = work(begun(poor, line("a", "soup")))
    (told,) = content(batch.error_file_id)
    assert told["response"]["body"]["error"]["code"] == "insufficient_balance"


def test_a_batch_has_so_many_inputs(ada: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validating, "MOST_INPUTS", 3)
    fits = work(begun(ada, line("a", "one"), line("b", ["two", "three"])))
    assert fits.status == "completed"
    batch = work(begun(ada, line("a", "one"), line("b", ["two", "three"]), line("c", [4])))
    (error,) = ada.shown(batch)["errors"]["data"]
    assert (batch.status, error["code"], error["param"]) == ("failed", "too_many_inputs", "input")
    assert not Line.objects.exists()
    connection.check_constraints()
