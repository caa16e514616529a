"""Real servers of others, each from an environment of its own: what they say is understood.

`TEST_LLAMA_CPP` is an interpreter with llama-cpp-python[server] and gguf, `TEST_TRANSFORMERS_SERVE`
one with transformers[serving]; neither is among what this product installs.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from inference.engines.base import (
    Delta,
    GenerationFailed,
    GenerationRequest,
    InvalidGeneration,
    Message,
    SamplingParams,
    Tool,
    ToolChoice,
)
from inference.engines.remote import RemoteAddress, RemoteEngine
from tests.running import ROOT, free_port

LLAMA_CPP = os.environ.get("TEST_LLAMA_CPP")
TRANSFORMERS = os.environ.get("TEST_TRANSFORMERS_SERVE")
WEIGHTS = str(ROOT / "inference/builtin/weights")
# It knows how a model writes calls by its family; ours writes them as Qwen 3 does.
SERVE = """
from transformers.cli.serving.utils import _RESPONSE_TEMPLATE_FALLBACKS as templates
from transformers.cli.transformers import main
templates[("llama",)] = next(one for types, one in templates.items() if "qwen3" in types)
main()
"""
START_SECONDS = 120

with_llama_cpp = pytest.mark.skipif(
    not LLAMA_CPP, reason="TEST_LLAMA_CPP names no Python with llama-cpp-python[server] and gguf"
)
with_transformers = pytest.mark.skipif(
    not TRANSFORMERS, reason="TEST_TRANSFORMERS_SERVE names no Python with transformers[serving]"
)


@contextmanager
def started(port: int, *command: str, log: Path) -> Iterator[str]:
    """Its address, once it answers."""
    with (
        log.open("wb") as told,
        subprocess.Popen(
            command,
            stdout=told,
            stderr=told,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"},
        ) as process,
    ):
        try:
            _wait(process, port, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/v1/models", timeout=1)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text(errors="replace")[-2000:])


@pytest.fixture(scope="module")
def llama_cpp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port, python = tmp_path_factory.mktemp("llama"), free_port(), str(LLAMA_CPP)
    model = str(folder / "tiny.gguf")
    subprocess.run([python, str(Path(__file__).with_name("tiny_gguf.py")), model], check=True)
    with started(
        port, python, "-m", "llama_cpp.server", "--model", model, "--host", "127.0.0.1",
        "--port", str(port), "--n_ctx", "1024", "--n_threads", "1", "--logits_all", "true",
        "--chat_format", "chatml-function-calling", "--interrupt_requests", "false",
        log=folder / "log",
    ) as url:  # fmt: skip
        yield f"{url} usage=pieces"


@pytest.fixture(scope="module")
def transformers_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port, python = tmp_path_factory.mktemp("transformers"), free_port(), str(TRANSFORMERS)
    with started(
        port, python, "-c", SERVE, "serve", WEIGHTS, "--host", "127.0.0.1", "--port", str(port),
        "--device", "cpu", log=folder / "log",
    ) as url:  # fmt: skip
        yield f"{url} model={WEIGHTS}"


def asked(words: str, **sampling: object) -> GenerationRequest:
    params = SamplingParams(**{"temperature": 0.0, **sampling})  # type: ignore[arg-type] # as given
    return GenerationRequest(
        id="gen_1", model="tiny", messages=(Message("user", words),), sampling=params
    )


@asynccontextmanager
async def engine(address: str, context: int = 1024) -> AsyncIterator[RemoteEngine]:
    made = RemoteEngine(RemoteAddress.read(address), context)
    try:
        yield made
    finally:
        await made.close()


async def generated(address: str, request: GenerationRequest, most: int) -> list[Delta]:
    async with engine(address) as remote:
        prepared = await remote.prepare(request)
        return [delta async for some in remote.generate(prepared, most) for delta in some]


async def is_well(address: str) -> bool:
    async with engine(address) as remote:
        (replica,) = remote.replicas.all
        return await remote.replicas.answers(replica)


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


@with_llama_cpp
async def test_llama_cpp_streams_and_each_piece_is_a_token(llama_cpp: str) -> None:
    deltas = await generated(llama_cpp, asked("Hello"), 24)
    assert len(deltas) > 10, "it streams"
    assert deltas[-1].finish_reason == "length"
    assert deltas[-1].completion_tokens <= 24
    with pytest.raises(GenerationFailed, match="does not tell"):
        await generated(llama_cpp.removesuffix(" usage=pieces"), asked("Hello"), 8)


@with_llama_cpp
async def test_llama_cpp_is_well_though_it_knows_no_place_to_say_so(llama_cpp: str) -> None:
    assert await is_well(llama_cpp)


@with_llama_cpp
async def test_llama_cpps_log_probabilities_come_one_a_token(llama_cpp: str) -> None:
    deltas = await generated(llama_cpp, asked("Hello", logprobs=True, top_logprobs=3), 16)
    told = [one for delta in deltas for one in delta.logprobs]
    assert len(told) == deltas[-1].completion_tokens == 16
    assert all((one.logprob or 0) <= 0 and one.top for one in told)


@with_llama_cpp
async def test_llama_cpp_calls_the_tool_that_it_must(llama_cpp: str) -> None:
    schema = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}
    choice = ToolChoice("required", ("weather",))
    tool = Tool("weather", parameters=schema)
    deltas = await generated(
        llama_cpp, replace(asked("Hello"), tools=(tool,), tool_choice=choice), 64
    )
    pieces = [piece for delta in deltas for piece in delta.tool_calls]
    assert pieces[0].name == "weather"
    assert "yes" in "".join(piece.arguments for piece in pieces)
    assert deltas[-1].finish_reason == "tool_calls"


@with_llama_cpp
async def test_calls_that_llama_cpp_lets_wait_for_each_other_all_get_their_answer(
    llama_cpp: str,
) -> None:
    async with engine(llama_cpp) as remote:

        async def answer() -> str:
            prepared = await remote.prepare(asked("Hello"))
            deltas = [one async for some in remote.generate(prepared, 400) for one in some]
            return str(deltas[-1].finish_reason)

        assert set(await asyncio.gather(*(answer() for _ in range(8)))) <= {"stop", "length"}


@with_llama_cpp
async def test_llama_cpp_completes_texts_and_stops_where_it_is_told(llama_cpp: str) -> None:
    whole = await generated(llama_cpp, replace(asked(""), messages=(), prompt="Once"), 16)
    assert whole[-1].finish_reason == "length"
    shown = text_of(whole).strip("\ufffd")
    stopped = replace(asked("", stop=(shown[3],)), messages=(), prompt="Once")
    assert (await generated(llama_cpp, stopped, 16))[-1].finish_reason == "stop"


@with_transformers
async def test_transformers_serve_streams_and_its_usage_is_what_counts(
    transformers_serve: str,
) -> None:
    deltas = await generated(transformers_serve, asked("What is the capital of France?"), 20)
    assert "Paris" in text_of(deltas)
    assert len(deltas) > 4, "it streams"
    last = deltas[-1]
    assert (last.finish_reason, last.prompt_tokens) == ("stop", 16)
    assert 4 <= last.completion_tokens <= 20


@with_transformers
async def test_transformers_serve_is_well(transformers_serve: str) -> None:
    assert await is_well(transformers_serve)


@with_transformers
async def test_what_transformers_serve_refuses_is_told_in_its_words(
    transformers_serve: str,
) -> None:
    tokens = replace(asked(""), messages=(), prompt=(1, 2))
    with pytest.raises(InvalidGeneration, match="prompt"):
        await generated(transformers_serve, tokens, 4)


@with_transformers
async def test_transformers_serve_calls_tools(transformers_serve: str) -> None:
    parameters = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }
    tool = Tool("get_weather", "Get the current weather of a city", parameters)
    request = replace(asked("What is the weather in Paris?"), tools=(tool,))
    deltas = await generated(transformers_serve, request, 60)
    pieces = [piece for delta in deltas for piece in delta.tool_calls]
    assert pieces, text_of(deltas)
    assert pieces[0].name == "get_weather"
    assert deltas[-1].finish_reason == "tool_calls"


@with_transformers
async def test_who_leaves_transformers_serve_leaves_it_free_for_others(
    transformers_serve: str,
) -> None:
    async with engine(transformers_serve) as remote:
        prepared = await remote.prepare(asked("Count to twenty, please."))
        stream = remote.generate(prepared, 60)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined] # it is a generator
        async with asyncio.timeout(20):
            again = await remote.prepare(asked("What is the capital of France?"))
            assert [delta async for some in remote.generate(again, 8) for delta in some]


@with_transformers
async def test_what_transformers_serve_passes_over_is_not_taken_for_an_answer(
    transformers_serve: str,
) -> None:
    """It answers one choice whatever `n` says: who asked for two is told, and pays nothing."""
    with pytest.raises(GenerationFailed):
        await generated(transformers_serve, asked("Hello", n=2), 8)
