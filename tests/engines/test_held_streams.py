"""Held and free answers over one socket: each gets its own form, whoever else is answered."""

import asyncio
import json

from inference.engines.base import GenerationRequest, Message, ResponseFormat, SamplingParams
from inference.engines.local.client import LocalEngine


def asking(number: int, choices: int) -> GenerationRequest:
    """Every third wants free text, every other an object that names it and nobody else."""
    only = {"type": "object", "additionalProperties": False}
    owner = {"const": f"tenant {number}"}
    word = {"type": "string", "maxLength": 6}
    schema = {**only, "properties": {"owner": owner, "word": word}, "required": ["owner", "word"]}
    return GenerationRequest(
        id=f"r{number}",
        model="tiny",
        sampling=SamplingParams(temperature=1.5, n=choices),
        messages=(Message("user", f"hello {number}"),),
        tenant=f"tenant {number % 2}",
        response_format=ResponseFormat(schema) if number % 3 else None,
    )


async def test_forms_never_mix(client: LocalEngine) -> None:
    async def one(number: int) -> None:
        choices = 1 + number % 3
        prepared = await client.prepare(asking(number, choices))
        texts, reasons = [""] * choices, [""] * choices
        async for batch in client.generate(prepared, 80):
            for delta in batch:
                texts[delta.index] += delta.text
                reasons[delta.index] = delta.finish_reason or ""
        for text, reason in zip(texts, reasons, strict=True):
            assert reason in {"stop", "length"}
            if number % 3:
                assert reason == "stop"
                assert json.loads(text)["owner"] == f"tenant {number}"

    await asyncio.gather(*(one(number) for number in range(50)))


async def test_one_who_leaves_harms_no_other_of_the_same_form(client: LocalEngine) -> None:
    async def leave() -> None:
        prepared = await client.prepare(asking(1, 1))
        async for _ in client.generate(prepared, 80):
            return

    async def stay() -> str:
        prepared = await client.prepare(asking(1, 1))
        batches = [batch async for batch in client.generate(prepared, 80)]
        return "".join(delta.text for batch in batches for delta in batch)

    texts = await asyncio.gather(stay(), *(leave() for _ in range(6)), stay())
    assert [json.loads(text)["owner"] for text in texts if text] == ["tenant 1"] * 2
