"""Engine processes asked to read, over the socket: generating models, encoders and classifiers."""

import asyncio
from array import array
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from transformers import AutoModel

from inference.engines import texts
from inference.engines.base import (
    ContextTooLong,
    EngineUnavailable,
    GenerationRequest,
    InvalidGeneration,
    SamplingParams,
)
from inference.engines.local.client import LocalEngine
from tests.embeddings.encoder_folders import make_classifier, make_encoder
from tests.engines.engine_process import engine
from tests.engines.small_models import make_folder

WORDS = ["hello world", "the quick brown fox", "tea", "hello again"]
LABELS = ["violence", "hate"]
HELLO = GenerationRequest("r", "m", SamplingParams(ignore_eos=True, seed=1), prompt="hello")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("readers")
    return {
        "llama": make_folder(place / "llama"),
        "encoder": make_encoder(place / "encoder"),
        "classifier": make_classifier(place / "classifier", LABELS),
    }


@pytest.fixture(scope="module")
def addresses(folders: dict[str, Path]) -> Iterator[dict[str, str]]:
    found = {name: f"unix:{folder.parent / name}.sock" for name, folder in folders.items()}
    with (
        engine(folders["llama"], found["llama"]),
        engine(folders["encoder"], found["encoder"]),
        engine(folders["classifier"], found["classifier"]),
    ):
        yield found


@pytest.fixture
async def engines(addresses: dict[str, str]) -> AsyncIterator[dict[str, LocalEngine]]:
    made = {name: LocalEngine(address) for name, address in addresses.items()}
    yield made
    for client in made.values():
        await client.close()


async def test_counts_and_vectors_belong_together(engines: dict[str, LocalEngine]) -> None:
    for name in ("llama", "encoder"):
        counted = await engines[name].tokenise(WORDS)
        of_tokens = await engines[name].embed(counted.texts)
        of_texts = await engines[name].embed(WORDS)
        assert of_tokens == of_texts
        assert of_texts.tokens == counted.tokens
        assert {len(vector) for vector in of_texts.vectors} == {counted.width}


async def test_vectors_are_those_of_transformers(
    engines: dict[str, LocalEngine], folders: dict[str, Path]
) -> None:
    model = AutoModel.from_pretrained(folders["llama"]).eval()
    rows = (await engines["llama"].tokenise(WORDS)).texts
    made = await engines["llama"].embed(WORDS)
    for row, vector in zip(rows, made.vectors, strict=True):
        with torch.no_grad():
            states = model(torch.tensor([row.tolist()])).last_hidden_state[0]
        wanted = F.normalize(states.mean(0), dim=0)
        assert torch.allclose(torch.tensor(vector.tolist()), wanted, atol=1e-5)


async def test_many_texts_come_in_order_over_several_frames(
    engines: dict[str, LocalEngine],
) -> None:
    many = [array("i", [n % 50 + 5, n // 50 + 5]) for n in range(texts.MAX_TEXTS)]
    made = (await engines["encoder"].embed(many)).vectors
    for place in (0, 255, 256, 257, 1999, 2047):
        (alone,) = (await engines["encoder"].embed([many[place]])).vectors
        assert alone.tolist() == pytest.approx(made[place].tolist(), abs=1e-5)


async def test_a_classifier_tells_labels_and_scores(engines: dict[str, LocalEngine]) -> None:
    made = await engines["classifier"].classify(WORDS)
    assert made.labels == tuple(LABELS)
    assert all(sum(scores) == pytest.approx(1, abs=1e-5) for scores in made.scores)
    with pytest.raises(InvalidGeneration):
        await engines["classifier"].embed(WORDS)
    with pytest.raises(InvalidGeneration):
        await engines["encoder"].classify(WORDS)


async def test_readers_generate_nothing(engines: dict[str, LocalEngine]) -> None:
    with pytest.raises(InvalidGeneration, match="generates none"):
        await engines["encoder"].prepare(HELLO)
    assert (await engines["encoder"].health()).status == "ok"
    assert (await engines["encoder"].info()).context_window == 66


async def test_limits_name_the_input(engines: dict[str, LocalEngine]) -> None:
    encoder = engines["encoder"]
    long = array("i", [5] * 67)
    for inputs, kind, param in (
        ([], InvalidGeneration, "input"),
        ([array("i", [5])] * 2049, InvalidGeneration, "input"),
        ([long[:3], long], ContextTooLong, "input[1]"),
        ([long[:3], long[:0]], InvalidGeneration, "input[1]"),
        ([long[:66]] * 2048 + [], None, ""),
    ):
        if kind is None:
            assert (await encoder.tokenise(inputs)).tokens == 66 * 2048
            continue
        for ask in (encoder.tokenise, encoder.embed):
            with pytest.raises(kind) as refused:
                await ask(inputs)
            assert refused.value.param == param


async def test_too_many_tokens_in_all_are_refused(engines: dict[str, LocalEngine]) -> None:
    rows = [array("i", [5] * 500)] * 601
    with pytest.raises(InvalidGeneration, match="300,000"):
        await engines["llama"].tokenise(rows)


async def test_streams_go_on_and_say_the_same_while_much_is_read(
    engines: dict[str, LocalEngine],
) -> None:
    llama = engines["llama"]

    async def text() -> str:
        prepared = await llama.prepare(HELLO)
        return "".join(
            [each.text async for batch in llama.generate(prepared, 60) for each in batch]
        )

    alone = await text()
    reading = asyncio.create_task(llama.embed([array("i", [5] * 500)] * 400))
    assert await text() == alone
    assert not reading.done(), "the stream waited for all that was read"
    reading.cancel()
    await asyncio.wait({reading})
    async with asyncio.timeout(5):  # what was cancelled holds up nobody
        await llama.embed(WORDS)


async def test_a_dead_engine_is_unavailable(folders: dict[str, Path], tmp_path: Path) -> None:
    client = LocalEngine(f"unix:{tmp_path / 'e.sock'}")
    with engine(folders["encoder"], f"unix:{tmp_path / 'e.sock'}") as process:
        reading = asyncio.create_task(client.embed([array("i", [5] * 60)] * 2000))
        await asyncio.sleep(0.05)
        process.kill()
        with pytest.raises(EngineUnavailable):
            await reading
    await client.close()
