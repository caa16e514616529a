"""Two models in one engine process: a base and its adapter, each through its catalog address."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from inference.engines.adapted import AdaptedEngine
from inference.engines.base import InvalidGeneration
from inference.engines.local.client import LocalEngine
from tests.engines.engine_process import engine
from tests.engines.small_adapters import make_adapter
from tests.engines.test_over_the_socket import answer, asking, text_of


@pytest.fixture
async def base(model_folder: Path, tmp_path: Path) -> AsyncIterator[LocalEngine]:
    make_adapter(
        AutoModelForCausalLM.from_pretrained(model_folder), tmp_path / "adapters" / "mine", 5
    )
    address = f"unix:{tmp_path / 'e.sock'}"
    with engine(model_folder, address, "--adapters", str(tmp_path / "adapters")):
        client = LocalEngine(address)
        yield client
        await client.close()


async def test_the_base_and_its_adapter_answer_differently(base: LocalEngine) -> None:
    before = text_of((await answer(base, asking()))[0])
    mine = AdaptedEngine(base, "mine")
    prepared = await mine.prepare(asking())
    adapted = [text async for batch in mine.generate(prepared, 20) for text in batch]
    assert text_of(adapted) != before
    assert text_of((await answer(base, asking()))[0]) == before


async def test_an_unknown_adapter_is_refused_before_anything_is_paid(base: LocalEngine) -> None:
    with pytest.raises(InvalidGeneration, match="adapter") as told:
        await AdaptedEngine(base, "gone").prepare(asking())
    assert told.value.param == "model"


async def test_an_adapter_reads_no_texts(base: LocalEngine) -> None:
    with pytest.raises(InvalidGeneration, match="base"):
        await AdaptedEngine(base, "mine").embed(["a"])
