"""The running product: real clients embed by the built-in model and by encoders that are added."""

import asyncio
import base64
import math
import struct
from pathlib import Path

import openai
import pytest

from tests.embeddings.encoder_folders import make_classifier, make_encoder
from tests.running import Server, Tenant, wait_until

BUILT_IN = "smarter-mini"
INPUT = 50_000  # its price in pico-dollars a token
TEXTS = ["The capital of France is Paris.", "Paris is in France.", "Add 2 and 2."]
GENEROUS = {"requests_per_minute": 100_000, "tokens_per_minute": 100_000_000}
PRICED = ("--input-price", "0.02", "--output-price", "0")


@pytest.fixture(scope="module")
def ada(server: Server) -> Tenant:
    return server.tenant("Ada's library", credit="1.00", **GENEROUS)


def added(server: Server, ada: Tenant, name: str, folder: Path) -> None:
    server.manage("models", "add", name, "--path", str(folder), *PRICED)
    body = {"model": name, "input": "hello"}

    def answers() -> bool:
        with ada.http() as http:
            path = "/v1/moderations" if "judge" in name else "/v1/embeddings"
            return http.post(path, json=body).status_code == 200

    wait_until(answers, 60, f"{name} answers")


def test_the_openai_client_gets_vectors_for_exact_money(ada: Tenant) -> None:
    before = ada.balance_nano()
    raw = ada.client().embeddings.with_raw_response.create(model=BUILT_IN, input=TEXTS)
    answer = raw.parse()
    assert [each.index for each in answer.data] == [0, 1, 2]
    assert all(math.isclose(math.hypot(*each.embedding), 1, abs_tol=1e-5) for each in answer.data)
    tokens = answer.usage.prompt_tokens
    assert tokens == answer.usage.total_tokens > 0
    charged = -(-tokens * INPUT // 1000)
    assert before - ada.balance_nano() == charged
    generation = raw.headers["x-request-id"].replace("req_", "gen_")
    told = ada.get(f"/v1/generations/{generation}")
    assert charged in told.values() or str(charged) in str(told)


def test_base64_on_the_wire_is_the_floats(ada: Tenant) -> None:
    with ada.http() as http:
        ask = {"model": BUILT_IN, "input": TEXTS}
        floats = http.post("/v1/embeddings", json=ask).json()["data"]
        coded = http.post("/embeddings", json={**ask, "encoding_format": "base64"}).json()["data"]
    for vector, code in zip(floats, coded, strict=True):
        raw = base64.b64decode(code["embedding"], validate=True)
        assert list(struct.unpack(f"<{len(raw) // 4}f", raw)) == vector["embedding"]


async def test_the_async_client_asks_for_fewer_dimensions_many_at_once(ada: Tenant) -> None:
    async with ada.async_client() as client:
        answers = await asyncio.gather(
            *(client.embeddings.create(model=BUILT_IN, input=text, dimensions=16) for text in TEXTS)
        )
    for answer in answers:
        (data,) = answer.data
        assert len(data.embedding) == 16
        assert math.isclose(math.hypot(*data.embedding), 1, abs_tol=1e-5)


def test_the_built_in_model_says_that_its_embeddings_are_a_demo(ada: Tenant) -> None:
    info = ada.get(f"/v1/model/info?model={BUILT_IN}")
    assert "embeddings" in info["capabilities"]  # type: ignore[operator]  # a list
    assert "embeddings are a demo" in str(info["best_for"])


def test_an_encoder_that_is_added_serves_embeddings_alone(
    server: Server, ada: Tenant, tmp_path: Path
) -> None:
    added(server, ada, "tiny-bert", make_encoder(tmp_path / "bert"))
    client = ada.client(max_retries=0)
    (data,) = client.embeddings.create(model="tiny-bert", input="hello world").data
    assert len(data.embedding) == 32
    with pytest.raises(openai.BadRequestError) as long:
        client.embeddings.create(model="tiny-bert", input=["tea", "tea " * 100])
    assert long.value.param == "input[1]"
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as chat:
        client.chat.completions.create(
            model="tiny-bert", messages=[{"role": "user", "content": "hello"}]
        )
    assert chat.value.code == "unsupported_model"
    server.manage("models", "remove", "tiny-bert")


def test_a_classifier_that_is_added_serves_moderations(
    server: Server, ada: Tenant, tmp_path: Path
) -> None:
    labels = ["violence", "hate", "spam"]
    folder = make_classifier(tmp_path / "judge", labels, problem_type="multi_label_classification")
    added(server, ada, "tiny-judge", folder)
    before = ada.balance_nano()
    answer = ada.client().moderations.create(input=["hello world", "the fox"])
    assert answer.model == "tiny-judge"
    assert len(answer.results) == 2
    scores = answer.results[0].category_scores
    assert 0 < scores.violence < 1
    assert scores.sexual == 0
    assert answer.results[0].flagged == any(
        score >= 0.5 for score in scores.model_dump().values() if score is not None
    )
    assert before - ada.balance_nano() == -(-(4 + 4) * 20_000 // 1000)
    server.manage("models", "remove", "tiny-judge")
    with pytest.raises(openai.NotFoundError) as gone:
        ada.client(max_retries=0).moderations.create(input="hello")
    assert gone.value.code == "model_not_found"
