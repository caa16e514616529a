"""The whole road: a client here, an engine in its own process, a unix socket between."""

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest
import torch

from inference.engines.base import (
    ContextTooLong,
    Delta,
    EngineOverloaded,
    GenerationFailed,
    GenerationRequest,
    InvalidGeneration,
    Message,
    SamplingParams,
)
from inference.engines.local import vocabulary
from inference.engines.local.client import LocalEngine
from inference.engines.local.loading import LoadOptions, load
from inference.engines.local.prompts import load_tokenizer
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import Submission
from tests.patience import PATIENCE

FEW = 150  # steps; those streams would go on for three times as long
GREEDY = SamplingParams(temperature=0, ignore_eos=True)


def asking(
    text: str = "hello to the world", sampling: SamplingParams = GREEDY, tenant: str = "ada"
) -> GenerationRequest:
    messages = (Message("user", text),)
    return GenerationRequest("req", "tiny", sampling, messages=messages, tenant=tenant)


async def answer(
    client: LocalEngine, request: GenerationRequest, max_tokens: int = 20
) -> dict[int, list[Delta]]:
    prepared = await client.prepare(request)
    deltas: dict[int, list[Delta]] = defaultdict(list)
    async for batch in client.generate(prepared, max_tokens):
        assert batch
        for delta in batch:
            deltas[delta.index].append(delta)
    return deltas


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def tokens_by_hand(folder: Path, request: GenerationRequest, count: int) -> list[int]:
    """The same model and prompt, stepped in this process."""
    torch.set_num_threads(1)
    model = load(LoadOptions(folder, max_sequences=2))
    waiting = FairQueue()
    waiting.put(Submission(model.encoder.encode(request), request.sampling, count))
    model.steps.admit(waiting)
    tokens = []
    while model.steps.running:
        tokens += [event.token for event in model.steps.step()[0].tokens]
    return tokens


async def test_info_and_health(client: LocalEngine) -> None:
    info, health = await client.info(), await client.health()
    assert (info.model, info.context_window, info.device) == ("tiny", 512, "cpu")
    assert info.parameters > 10_000
    assert (health.status, health.slots, health.waiting_tokens) == ("ok", 16, 0)


async def test_health_tells_what_was_computed_and_what_is_kept_of_it(client: LocalEngine) -> None:
    before = await client.health()
    prepared = await client.prepare(asking("what nobody has asked yet", tenant="health"))
    stream = client.generate(prepared, prepared.max_output)
    await anext(stream)
    running = await client.health()
    assert (running.running, running.waiting) == (1, 0)
    assert prepared.prompt_tokens <= running.kept_tokens <= running.room == 16 * 512
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    await steps_until_idle(client)
    after = await client.health()
    assert after.kept_tokens == 0
    assert after.prompt_tokens - before.prompt_tokens == prepared.prompt_tokens
    assert after.generated_tokens > before.generated_tokens
    assert after.worked_seconds - before.worked_seconds > 0


async def test_who_waits_for_a_slot_is_counted(client: LocalEngine) -> None:
    tasks = [asyncio.create_task(answer(client, asking(), 400)) for _ in range(20)]
    async with asyncio.timeout(PATIENCE):
        while ((now := await client.health()).running, now.waiting) != (16, 4):
            pass
    assert now.waiting_tokens > 0
    for task in tasks:
        task.cancel()
    await steps_until_idle(client)
    assert (await client.health()).waiting == 0


async def test_an_answer_is_the_models_tokens_as_text(
    client: LocalEngine, model_folder: Path
) -> None:
    prepared = await client.prepare(asking())
    assert prepared.prompt_tokens + prepared.max_output == 512
    (deltas,) = (await answer(client, asking(), 40)).values()
    tokenizer = load_tokenizer(model_folder)
    known = vocabulary.read(tokenizer, len(tokenizer))
    tokens = tokens_by_hand(model_folder, asking(), 40)
    spoken = b"".join(known.pieces[token] for token in tokens)
    assert spoken.decode(errors="replace").startswith(text_of(deltas))
    assert len(text_of(deltas)) > 20
    assert deltas[-1].finish_reason == "length"
    assert deltas[-1].completion_tokens == 40
    counts = [delta.completion_tokens for delta in deltas]
    assert counts == sorted(counts)


async def test_a_stop_string_ends_the_text_before_it(client: LocalEngine) -> None:
    (whole,) = (await answer(client, asking(), 60)).values()
    stop = text_of(whole)[15:18]
    stopping = SamplingParams(temperature=0, ignore_eos=True, stop=(stop,))
    (cut,) = (await answer(client, asking(sampling=stopping), 60)).values()
    assert text_of(cut) == text_of(whole)[: text_of(whole).index(stop)]
    assert cut[-1].finish_reason == "stop"
    assert cut[-1].completion_tokens < 60


async def test_choices_and_logprobs_arrive(client: LocalEngine) -> None:
    way = SamplingParams(n=3, seed=1, temperature=2, logprobs=True, top_logprobs=2)
    deltas = await answer(client, asking(sampling=way), 30)
    assert set(deltas) == {0, 1, 2}
    assert len({text_of(choice) for choice in deltas.values()}) == 3
    for choice in deltas.values():
        assert choice[-1].finish_reason is not None
        reported = [each for delta in choice for each in delta.logprobs]
        assert all(each.logprob is not None and each.logprob <= 0 for each in reported)
        assert all(len(each.top) == 2 for each in reported)
        raw = b"".join(each.raw for each in reported)
        assert raw.decode(errors="replace").startswith(text_of(choice))


async def test_many_streams_share_the_engine_and_each_gets_its_own(client: LocalEngine) -> None:
    texts = [f"the quick fox number {number}" for number in range(40)]
    alone = [text_of((await answer(client, asking(text)))[0]) for text in texts[:5]]
    together = await asyncio.gather(*(answer(client, asking(text)) for text in texts))
    assert [text_of(deltas[0]) for deltas in together][:5] == alone
    assert all(deltas[0][-1].completion_tokens == 20 for deltas in together)


async def steps_until_idle(client: LocalEngine) -> int:
    async with asyncio.timeout(PATIENCE):
        while True:
            health = await client.health()
            if not health.running:
                return health.steps


async def test_leaving_the_iterator_frees_the_engine(client: LocalEngine) -> None:
    prepared = await client.prepare(asking())
    stream = client.generate(prepared, prepared.max_output)
    await anext(stream)
    before = await client.health()
    assert before.running == 1
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert await steps_until_idle(client) - before.steps < FEW


async def test_a_cancelled_reader_frees_the_engine(client: LocalEngine) -> None:
    task = asyncio.create_task(answer(client, asking(), 450))
    async with asyncio.timeout(PATIENCE):
        while not (before := await client.health()).running:
            pass
    task.cancel()
    assert await steps_until_idle(client) - before.steps < FEW


async def test_a_lost_connection_frees_the_engine(
    client: LocalEngine, running_address: str
) -> None:
    other = LocalEngine(running_address)
    prepared = await other.prepare(asking())
    stream = other.generate(prepared, prepared.max_output)
    await anext(stream)
    before = await client.health()
    await other.close()
    assert await steps_until_idle(client) - before.steps < FEW


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (asking(sampling=SamplingParams(top_p=7)), "top_p"),
        (asking(sampling=SamplingParams(n=17)), "n"),
        (asking(sampling=SamplingParams(seed=2**80)), None),
        (asking("\ud800"), None),
        (GenerationRequest("r", "tiny", GREEDY, prompt=(10**6,)), "prompt"),
        (GenerationRequest("r", "tiny", GREEDY, prompt="a", adapter="x"), "model"),
        (GenerationRequest("r", "tiny", GREEDY, prompt=3.5), None),  # type: ignore[arg-type]  # wrong on purpose
    ],
)
async def test_what_can_never_work_is_refused_and_the_connection_stays(
    client: LocalEngine, request_: GenerationRequest, param: str | None
) -> None:
    with pytest.raises(InvalidGeneration) as refused:
        await client.prepare(request_)
    assert refused.value.param == param
    assert await answer(client, asking(), 2)


async def test_a_prompt_beyond_the_context_is_refused(client: LocalEngine) -> None:
    with pytest.raises(ContextTooLong):
        await client.prepare(asking("word " * 600))


@pytest.mark.parametrize("max_tokens", [0, -1, 10**9])
async def test_more_output_than_fits_is_refused(client: LocalEngine, max_tokens: int) -> None:
    prepared = await client.prepare(asking())
    with pytest.raises(InvalidGeneration, match="max_tokens"):
        await anext(client.generate(prepared, max_tokens))


async def test_a_prepared_request_is_good_for_one_generation(client: LocalEngine) -> None:
    prepared = await client.prepare(asking())
    async for _ in client.generate(prepared, 2):
        pass
    with pytest.raises(GenerationFailed, match="Prepare it again"):
        await anext(client.generate(prepared, 2))


async def test_too_much_waiting_work_is_refused_before_the_first_delta(
    client: LocalEngine,
) -> None:
    """The engine takes two full houses: 2 x 16 sequences of 512 tokens."""
    results = await asyncio.gather(
        *(answer(client, asking(), 470) for _ in range(90)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, EngineOverloaded)]
    served = [result for result in results if isinstance(result, dict)]
    assert len(refused) + len(served) == 90
    assert len(served) >= 32
    assert refused
    assert all(1 <= error.retry_after <= 60 for error in refused)


def test_one_client_works_from_several_event_loops(running_address: str) -> None:
    shared = LocalEngine(running_address)

    async def once() -> str:
        text = text_of((await answer(shared, asking()))[0])
        await shared.close()
        return text

    assert asyncio.run(once()) == asyncio.run(once())
