"""Schemas that cannot be enforced, or only at everybody's cost, are refused at once."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.engines.base import (
    GenerationRequest,
    InvalidGeneration,
    Message,
    ResponseFormat,
    SamplingParams,
)
from inference.engines.local import grammar_keepers
from inference.engines.local.client import LocalEngine
from inference.engines.local.grammar_wishes import wish_of
from tests.engines.form_desk import FORM, FormDesk, held_to

PATIENCE = 60.0  # others may use this machine, and who compiles gives way to them


def within(schema: dict[str, Any]) -> dict[str, Any]:
    only = {"type": "object", "additionalProperties": False}
    return {**only, "properties": {"a": schema}, "required": ["a"]}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


def choices(count: int) -> dict[str, Any]:
    """Every way through them is another object: two to the power of `count`."""
    pairs = [
        [within({"type": "string", "minLength": 2 * number + side + 1}) for side in (0, 1)]
        for number in range(count)
    ]
    return {"allOf": [{"anyOf": pair} for pair in pairs]}


HOSTILE: dict[str, dict[str, Any]] = {
    "nothing but itself": {"$ref": "#"},
    "must contain itself": within({"$ref": "#"}),
    "circular definitions": {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    "deeply nested": nested(5000),
    "too large": {"enum": [f"value {number}" for number in range(10_000)]},
    "exponential": choices(24),
    "remote": within({"$ref": "https://example.com/schema.json"}),
    "a file": within({"$ref": "person.json"}),
    "a regex of 20 at once": {
        "allOf": [{"pattern": f".*{c}.*{c}.*"} for c in "abcdefghijklmnopqrst"]
    }
    | {"type": "string"},
    "overlapping names": {
        "type": "object",
        "patternProperties": {f"^p{number}_.*$": {"type": "string"} for number in range(1000)},
    },
    "a large divisor": within({"type": "integer", "multipleOf": 99_999_989}),
    "many optional properties": {"properties": {f"p{n}": {"type": "string"} for n in range(1800)}}
    | {"type": "object"},
    "look-around": within({"type": "string", "pattern": "^(?!a).*$"}),
    "deep parentheses": within({"type": "string", "pattern": "(" * 5000 + "a" + ")" * 5000}),
    "a long repetition": within({"type": "string", "maxLength": 2**63}),
    "not": within({"not": {"type": "string"}}),
    "no such type": within({"type": "banana"}),
    "impossible": within({"type": "integer", "minimum": 5, "maximum": 4}),
    "surrogates": within({"const": "\ud800"}),
    "not JSON": within({"const": float("nan")}),
}
BOUNDED: dict[str, dict[str, Any]] = {
    "a long text": within({"type": "string", "maxLength": 10**9}),
    "many items": within({"type": "array", "items": {"type": "integer"}, "maxItems": 10**9}),
    "an evil regex": within({"type": "string", "pattern": "^(a+)+$"}),
    "a large regex": within({"type": "string", "pattern": "^((a{1,1000}){1,1000}){1,1000}$"}),
    "a large enum": {"enum": [f"v{number}" for number in range(5000)]},
    "a tree": {
        "type": "object",
        "properties": {"value": {"type": "null"}, "next": {"$ref": "#"}},
        "additionalProperties": False,
    },
    "its own whitespace": {"x-guidance": {"whitespace_pattern": " +"}, **within({"type": "null"})},
}


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what uses its own time up is refused; what had no turn is not, and the test sees it."""
    monkeypatch.setattr(grammar_keepers, "PATIENCE_SECONDS", PATIENCE)


@pytest.fixture(scope="module")
def desk(model_folder: Path) -> Iterator[FormDesk]:
    desk = FormDesk(model_folder)
    desk.model.grammars.start()
    desk.model.grammars.compile(wish_of(held_to(None)), FORM)
    yield desk
    desk.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_schemas_are_refused_at_once(desk: FormDesk, name: str) -> None:
    for _ in range(2):  # the second time from memory
        with pytest.raises(InvalidGeneration) as refused:
            desk.submit(HOSTILE[name])
        assert refused.value.param == "response_format"
        assert str(refused.value).startswith("This JSON schema cannot be enforced: ")


@pytest.mark.parametrize("name", BOUNDED)
def test_what_only_looks_hostile_is_served(desk: FormDesk, name: str) -> None:
    asked = desk.submit(BOUNDED[name], max_tokens=60)
    desk.run()
    desk.check(asked, BOUNDED[name])
    text, _ = desk.answer(asked)
    assert "  " not in text


def test_hostile_schemas_take_nothing_from_those_after_them(desk: FormDesk) -> None:
    for number in range(3):
        patterns = [{"pattern": f".*{c}.*{c}.*{number}"} for c in "abcdefghijklmnopqrst"]
        with pytest.raises(InvalidGeneration):
            desk.submit({"type": "string", "allOf": patterns})
        asked = desk.submit(within({"const": number}))
        desk.run()
        assert json.loads(desk.answer(asked)[0])["a"] == number


async def test_streams_go_on_while_schemas_are_tried(client: LocalEngine) -> None:
    """A text over the socket; meanwhile large schemas, some of which keep a process busy."""
    way = SamplingParams(temperature=0, ignore_eos=True)
    gaps: list[float] = []
    others = asyncio.create_task(_trouble(client))
    while not others.done():
        prepared = await client.prepare(_request(way))
        last = time.monotonic()
        async for _ in client.generate(prepared, 400):
            now = time.monotonic()
            gaps.append(now - last)
            last = now
    assert await others == 4
    assert max(gaps) < 0.5  # a compilation that held the loop up would take a second and more


async def _trouble(client: LocalEngine) -> int:
    tried = 0
    for name in (
        "a regex of 20 at once",
        "exponential",
        "overlapping names",
        "many optional properties",
    ):
        schema = {**HOSTILE[name], "title": "another text"}
        with pytest.raises(InvalidGeneration):
            await client.prepare(_request(SamplingParams(), ResponseFormat(schema)))
        tried += 1
    return tried


def _request(way: SamplingParams, form: ResponseFormat | None = None) -> GenerationRequest:
    messages = (Message("user", "hello"),)
    return GenerationRequest("r", "tiny", way, messages=messages, response_format=form)
