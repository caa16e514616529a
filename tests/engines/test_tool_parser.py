"""Calls are found in the text as it streams, however it is cut; nothing else is ever lost."""

import json
import random
import re
import time

import pytest

from inference.engines.base import ToolCallDelta, ToolChoice
from inference.engines.local.tool_formats import parser_for
from inference.engines.local.tool_formats.formats import ID
from tests.engines.tool_models import FAMILIES, asking, known, written

OSLO = '{"city": "Oslo"}'
TRICKY = '{"a": {"b": "}{\\"[\\\\"}, "c": [1, {"d": "ü\\u00fc</tool_call>"}]}'
Answer = tuple[str, list[tuple[str, str]]]


def fed(family: str, pieces: list[str]) -> Answer:
    """What was said, and the calls, put together as clients do."""
    parser = parser_for(asking(), known(family))
    assert parser is not None
    text = ""
    calls: list[tuple[str, str]] = []
    ids = set()
    for step in [*(lambda each=each: parser.feed(each) for each in pieces), parser.end]:
        said, made = step()
        text += said
        for piece in made:
            if piece.index == len(calls):
                assert piece.id is not None
                assert re.fullmatch("call_[0-9a-f]{24}", piece.id)
                assert piece.name is not None
                ids.add(piece.id)
                calls.append((piece.name, piece.arguments))
            else:
                assert piece == ToolCallDelta(len(calls) - 1, piece.arguments)
                calls[-1] = (calls[-1][0], calls[-1][1] + piece.arguments)
    assert len(ids) == len(calls)
    assert parser.called == bool(calls)
    assert parser.spans.told == len("".join(pieces))
    return text, calls


def whole(family: str, text: str) -> Answer:
    """The same in one piece and letter by letter."""
    answer = fed(family, [text])
    assert fed(family, list(text)) == answer
    return answer


def calls_of(family: str, *calls: tuple[str, str]) -> str:
    return written(known(family), *calls)


@pytest.mark.parametrize("family", FAMILIES)
def test_text_and_calls_are_told_apart(family: str) -> None:
    one = calls_of(family, ("get_weather", OSLO))
    assert whole(family, "Hello,\nyou.\n") == ("Hello,\nyou.\n", [])
    assert whole(family, one) == ("", [("get_weather", OSLO)])
    assert whole(family, calls_of(family, ("get", TRICKY))) == ("", [("get", TRICKY)])


@pytest.mark.parametrize("family", ["qwen", "mistral", "mistral_arguments"])
def test_several_calls_after_some_text(family: str) -> None:
    calls = [("get_weather", OSLO), ("get", TRICKY), ("ping", "{}")]
    text = f"Let me see.\n\n{calls_of(family, *calls)}"
    assert whole(family, text) == ("Let me see.", calls)
    assert whole(family, text + "\n\nDone.\n") == ("Let me see.Done.\n", calls)


def test_llamas_tag_and_type_are_no_content() -> None:
    one = calls_of("llama", ("get", TRICKY))
    assert whole("llama", "<|python_tag|>" + one) == ("", [("get", TRICKY)])
    assert whole("llama", "So:\n<|python_tag|>" + one) == ("So:", [("get", TRICKY)])
    typed = '{"type": "function", "name": "ping", "parameters": {}}'
    assert whole("llama", typed) == ("", [("ping", "{}")])
    inside = "As I said: " + one
    assert whole("llama", inside) == (inside, [])


@pytest.mark.parametrize("family", ["mistral", "mistral_arguments"])
def test_ids_that_a_model_writes_itself_are_skipped(family: str) -> None:
    form = known(family)
    own = "abcDEF123"
    text = {
        "mistral": f'[TOOL_CALLS][{{"name": "ping", "arguments": {{}}, "id": "{own}"}}, '
        f'{{"name":"get","arguments":{OSLO},"id":"{own}"}}]',
        "mistral_arguments": f"[TOOL_CALLS]ping[CALL_ID]{own}[ARGS]{{}}",
    }[family]
    if family == "mistral_arguments":
        form = type(form)(form.before, (f"[CALL_ID]{ID}[ARGS]", "[ARGS]"), form.after, form.trigger)
        parser = parser_for(asking(), form)
        assert parser is not None
        said, (call,) = parser.feed(text)
        assert (said, call.name, call.arguments) == ("", "ping", "{}")
    else:
        assert whole(family, text) == ("", [("ping", "{}"), ("get", OSLO)])


def test_spacing_in_the_frame_of_a_call_does_not_matter() -> None:
    text = '<tool_call>{ "name":"get" ,\n"arguments" : {"a":1} }</tool_call> \n'
    assert whole("qwen", text) == (" \n", [("get", '{"a":1}')])


MALFORMED = [
    "<tool_call>\nget_weather(Oslo)\n</tool_call>",
    '<tool_call>\n{"name": "unknown", "arguments": {}}\n</tool_call>',
    '<tool_call>\n{"name": "get", "arguments": "text"}\n</tool_call>',
    '<tool_call>\n{"arguments": {}, "name": "get"}\n</tool_call>',
    "a < b and <tool and <tool_call",
    "\n\n<tool_call>\n\n",
    "x" + "\n" * 300 + "<tool_call>",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_call_is_text_to_the_last_character(text: str) -> None:
    assert whole("qwen", text) == (text, [])


def test_a_call_after_a_malformed_one_is_a_call() -> None:
    one = calls_of("qwen", ("ping", "{}"))
    assert whole("qwen", f"<tool_call><tool_call>{one}") == (
        "<tool_call><tool_call>",
        [("ping", "{}")],
    )
    text, calls = whole("qwen", f"{one[:-12]} oops\n{one}")
    assert calls == [("ping", "{}"), ("ping", "{}")]
    assert "oops" in text


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cut_answer_gives_what_there_is(family: str) -> None:
    """At any place: text, then a name, then the beginning of its arguments."""
    one = calls_of(family, ("get_weather", TRICKY))  # there is a tool called get as well
    start = one.index(TRICKY)
    seen = set()
    for end in range(len(one) + 1):
        text, calls = whole(family, one[:end])
        if calls:
            ((name, arguments),) = calls
            assert (text, name) == ("", "get_weather")
            assert arguments == TRICKY[: max(0, end - start)]
        else:
            assert text == one[:end]
        seen.add(bool(calls))
    assert seen == {True, False}


def test_everything_is_given_as_soon_as_it_is_sure() -> None:
    parser = parser_for(asking(), known("qwen"))
    assert parser is not None
    text = 'Hi <b>\n<tool_call>\n{"name": "get", "arguments": {"a": "bc"}}'
    given = [(letter, *parser.feed(letter)) for letter in text]
    said = [each for _, each, _ in given if each]
    assert said == ["H", "i", " ", "<b", ">"]
    fragments = [made[0].arguments for *_, made in given if made]
    assert fragments == list('{"a": "bc"}')
    ((first, *_),) = [made for *_, made in given if made][:1]
    assert first.name == "get"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(40))
def test_any_cutting_of_any_text_gives_the_same(family: str, seed: int) -> None:
    chance = random.Random(f"{family} {seed}")
    form = known(family)
    atoms = ["a", "\n", " ", "{", "}", '"', "\\", "<", "[", ";", form.trigger, form.trigger[:4]]
    atoms += [form.after[0], form.closing, form.before[0], form.before[0] + "get" + form.middle[0]]
    atoms += [written(form, ("get", TRICKY)), written(form, ("ping", "{}"), ("get", OSLO))]
    text = "".join(chance.choices(atoms, k=chance.randint(1, 14)))
    answer = whole(family, text)
    for _ in range(10):
        at = sorted(chance.choices(range(len(text) + 1), k=chance.randint(0, 9)))
        pieces = [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]
        assert fed(family, pieces) == answer


ENDLESS = {
    "text": "word " * 20_000,
    "newlines": "\n" * 100_000,
    "openings": "<" * 100_000,
    "tags": "<tool_call>" * 9_000,
    "spaces in a frame": ("<tool_call>" + " " * 60) * 1_400,
    "newlines in a frame": "<tool_call>" + "\n" * 100_000,
    "arguments": '<tool_call>\n{"name": "get", "arguments": {"a": "' + "\\" * 100_000,
    "depth": '<tool_call>\n{"name": "get", "arguments": ' + "{" * 100_000,
    "calls": '<tool_call>\n{"name": "get", "arguments": {}}\n</tool_call>\n' * 1_700,
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_work_grows_with_the_text_and_no_faster(kind: str) -> None:
    """A hundred thousand characters, one by one: quadratic work would take minutes."""
    parser = parser_for(asking(), known("qwen"))
    assert parser is not None
    began = time.process_time()
    for letter in ENDLESS[kind]:
        parser.feed(letter)
    parser.end()
    assert time.process_time() - began < 12


def test_only_tools_that_may_be_called_are_called() -> None:
    text = calls_of("qwen", ("get", "{}"))
    allowed = parser_for(asking(choice=ToolChoice("required", ("ping",))), known("qwen"))
    assert allowed is not None
    said, made = allowed.feed(text)
    assert (said + allowed.end()[0], made) == (text, ())
    assert parser_for(asking(choice=ToolChoice("none")), known("qwen")) is None
    assert parser_for(asking(tools=()), known("qwen")) is None


def test_arguments_that_the_model_wrote_are_json() -> None:
    _, calls = whole("qwen", calls_of("qwen", ("get", TRICKY)))
    assert json.loads(calls[0][1]) == json.loads(TRICKY)
