"""A batch from file to files: every line answered, in OpenAI's shapes, at half the price."""

from dataclasses import asdict
from typing import Any

import pytest

from billing import auditing
from billing.models import Hold, Price
from billing.pricing import usd
from chatbots import finding, making, versions
from chatbots.author import Author
from files.models import StoredFile
from inference.batches.models import Batch, Line
from tests.batches.conftest import CHAT, DOLLAR, INPUT, OUTPUT, Owner, content, request, work


def half(prompt: int, completion: int) -> int:
    """Nano-dollars: both prices are halved upwards, the charge is rounded up once."""
    return -(-(prompt * ((INPUT + 1) // 2) + completion * (OUTPUT // 2)) // 1000)


def test_a_batch_is_answered_in_the_order_of_its_file(ada: Owner) -> None:
    batch = ada.create([request(f"r{i}", f"word{i} and more") for i in range(100)])
    work(batch)
    told = ada.shown(batch)
    assert told["status"] == "completed"
    assert told["request_counts"] == {"total": 100, "completed": 100, "failed": 0}
    assert (told["error_file_id"], told["errors"]) == (None, None)
    lines = content(told["output_file_id"])
    assert [line["custom_id"] for line in lines] == [f"r{i}" for i in range(100)]
    for number, line in enumerate(lines):
        assert set(line) == {"id", "custom_id", "response", "error"}
        assert line["id"].startswith("batch_req_")
        assert (line["error"], line["response"]["status_code"]) == (None, 200)
        body = line["response"]["body"]
        assert body["object"] == "chat.completion"
        assert body["choices"][0]["message"]["content"] == f"word{number} and more"
    assert len({line["id"] for line in lines}) == 100
    assert told["created_at"] <= told["in_progress_at"] <= told["finalizing_at"]
    assert told["expires_at"] - told["created_at"] in {86_399, 86_400, 86_401}
    assert Line.objects.count() == 0


def test_half_of_the_standard_price_is_paid_to_the_nano_dollar(ada: Owner) -> None:
    batch = work(ada.create([request(f"r{i}", f"#words={i + 1}") for i in range(7)]))
    charges = [half(1, i + 1) for i in range(7)]
    assert ada.money() == (DOLLAR - sum(charges), 0)
    assert sorted(Hold.objects.values_list("charged", flat=True)) == sorted(charges)
    told = ada.shown(batch)
    assert told["usage"] == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 28,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 35,
        "cost": usd(sum(charges)),
    }
    stated = [line["response"]["body"]["usage"]["cost"] for line in content(batch.output_file_id)]
    assert stated == [usd(charge) for charge in charges]
    assert not any(asdict(auditing.audit()).values())


def test_a_batch_price_that_somebody_set_is_the_one(ada: Owner) -> None:
    Price.objects.create(model="scripted", tier="batch", input=10**6, cached_input=0, output=10**6)
    work(ada.create([request("a", "#words=9")]))
    assert ada.money() == (DOLLAR - 10_000, 0)
    assert Price.objects.filter(tier="batch").count() == 1


def test_a_later_standard_price_is_followed_by_a_later_half(ada: Owner) -> None:
    work(ada.create([request("a", "#words=9")]))
    work(ada.create([request("a", "#words=9")]))
    assert Price.objects.filter(tier="batch").count() == 1
    Price.objects.create(model="scripted", input=4_000_000, cached_input=0, output=8_000_000)
    before = ada.money()[0]
    work(ada.create([request("a", "#words=9")]))
    assert before - ada.money()[0] == 2_000 + 9 * 4_000
    assert Price.objects.filter(tier="batch").count() == 2


def test_the_minute_of_the_key_is_not_touched(fund: Any) -> None:
    owner = fund("Few calls", requests_per_minute=5, tokens_per_minute=60)
    batch = work(owner.create([request(f"r{i}", "#words=20") for i in range(50)]))
    assert (batch.status, batch.completed) == ("completed", 50)


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        (CHAT, "chat.completion"),
        ("/v1/completions", "text_completion"),
        ("/v1/responses", "response"),
    ],
)
def test_every_endpoint_answers_in_its_own_shape(ada: Owner, endpoint: str, kind: str) -> None:
    lines = [request("a", "one two", endpoint), request("b", "#reject=messages", endpoint)]
    batch = work(ada.create(lines, endpoint))
    assert batch.status == "completed"
    (line,) = content(batch.output_file_id)
    assert line["response"]["body"]["object"] == kind
    (wrong,) = content(batch.error_file_id)
    assert (wrong["custom_id"], wrong["response"]["status_code"]) == ("b", 400)
    assert set(wrong["response"]["body"]["error"]) == {"message", "type", "param", "code"}
    assert (batch.completed, batch.failed) == (1, 1)


def test_wrong_lines_stand_in_the_error_file_and_the_others_are_answered(ada: Owner) -> None:
    batch = work(
        ada.create(
            [
                request("hot", "x", temperature=9),
                request("unknown", "x", model="nobody"),
                request("streamed", "x", stream=True),
                request("good", "x"),
                request("broken", "#fail=1"),
            ]
        )
    )
    assert batch.status == "completed"
    assert [line["custom_id"] for line in content(batch.output_file_id)] == ["good"]
    errors = {
        line["custom_id"]: (
            line["response"]["status_code"],
            line["response"]["body"]["error"]["code"],
            line["response"]["body"]["error"]["param"],
        )
        for line in content(batch.error_file_id)
    }
    assert errors == {
        "hot": (400, "invalid_value", "temperature"),
        "unknown": (404, "model_not_found", "model"),
        "streamed": (400, "unsupported_parameter", "stream"),
        "broken": (503, "generation_failed", None),
    }
    assert Hold.objects.filter(state="settled").count() == 1
    assert ada.money() == (DOLLAR - half(1, 1), 0)


def test_output_files_belong_to_the_owner_and_expire_when_asked(ada: Owner, fund: Any) -> None:
    expiry = {"anchor": "created_at", "seconds": 3600}
    batch = work(ada.create([request("a", "x")], output_expires_after=expiry))
    file = StoredFile.objects.get(pk=batch.output_file_id)
    assert (file.purpose, file.filename) == ("batch_output", f"{batch.id}_output.jsonl")
    assert file.expires_at is not None
    assert (file.expires_at - file.created_at).total_seconds() == pytest.approx(3600, abs=5)
    answer = ada.http().get(f"/v1/files/{file.id}/content")
    assert answer.status_code == 200


def test_a_line_of_another_endpoint_fails_the_batch_and_is_named(ada: Owner) -> None:
    lines = [request("a", "x"), request("b", "x", "/v1/completions")]
    batch = work(ada.create(lines))
    told = ada.shown(batch)
    assert told["status"] == "failed"
    (error,) = told["errors"]["data"]
    assert (error["code"], error["line"], error["param"]) == ("invalid_url", 2, "url")
    assert (told["output_file_id"], told["request_counts"]["total"]) == (None, 0)
    assert Line.objects.count() == 0
    assert Batch.objects.get().failed_at is not None


def test_a_deleted_input_file_fails_the_batch(ada: Owner) -> None:
    batch = ada.create([request("a", "x")])
    ada.http().delete(f"/v1/files/{batch.input_file_id}")
    work(batch)
    assert (batch.status, batch.errors[0]["code"]) == ("failed", "file_not_found")


def test_a_line_may_ask_a_chatbot(ada: Owner) -> None:
    author = Author("ada")
    chatbot = making.create(
        ada.organisation.id, author, "support",
        configuration={"model": "scripted", "system_prompt": "Be kind."},
    )  # fmt: skip
    versions.publish(chatbot, author)
    finding.forget_all()
    batch = work(ada.create([request("a", "hello there", model="chatbot/support")]))
    [line] = content(batch.output_file_id)
    body = line["response"]["body"]
    assert (body["model"], body["usage"]["prompt_tokens"]) == ("chatbot/support", 4)
    assert Hold.objects.get().chatbot_id == chatbot.id
