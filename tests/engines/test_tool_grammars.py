"""What a model may write when it may, or must, call tools; in every family's own way."""

from dataclasses import replace
from functools import cache

import pytest
from llguidance import LLTokenizer
from transformers import PreTrainedTokenizerFast

from inference.engines.base import (
    GenerationRequest,
    InvalidGeneration,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from inference.engines.local.grammar_compiler import TokenizerText, compile_grammar
from inference.engines.local.json_schemas import json_rule
from inference.engines.local.tool_formats import ToolFormat, format_of, grammar_for
from tests.engines.tool_models import (
    CITY,
    FAMILIES,
    QWEN,
    asking,
    known,
    tokenizer,
    tokenizer_of,
    written,
)

OSLO = '{"city": "Oslo"}'
REQUIRED = ToolChoice("required")
SEVERAL = [family for family in FAMILIES if family != "llama"]
Verdict = tuple[bool, bool]


@cache
def llguidance_of(family: str) -> LLTokenizer:
    return loaded(tokenizer(family))


def loaded(made: PreTrainedTokenizerFast) -> LLTokenizer:
    end = made.eos_token_id
    return TokenizerText(made.backend_tokenizer.to_str(), len(made), (end,)).load()


def verdict(family: str, request: GenerationRequest, text: str) -> Verdict:
    """Whether the text may be written, and whether the answer may end there."""
    ids = tokenizer(family).encode(text, add_special_tokens=False)
    return judged(llguidance_of(family), request, known(family), ids)


def judged(
    tokens: LLTokenizer, request: GenerationRequest, form: ToolFormat, ids: list[int]
) -> Verdict:
    grammar = grammar_for(request, form)
    assert grammar is not None
    matcher = compile_grammar(tokens, grammar)
    taken = matcher.try_consume_tokens(ids)
    return taken == len(ids), taken == len(ids) and matcher.is_accepting()


FINE, OPEN, FORBIDDEN = (True, True), (True, False), (False, False)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_may_answer_or_call(family: str) -> None:
    form, auto = known(family), asking()
    call = written(form, ("get_weather", OSLO))
    assert verdict(family, auto, "Hello {you} <b>") == FINE
    assert verdict(family, auto, call) == FINE
    assert (
        verdict(family, auto, f"Let me see.\n{form.trigger}{call.removeprefix(form.trigger)}")
        == FINE
    )
    assert verdict(family, auto, call[: call.index("Oslo")]) == OPEN


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_call_names_a_tool_and_fits_its_schema(family: str, mode: str) -> None:
    form = known(family)
    request = asking(choice=REQUIRED if mode == "required" else ToolChoice())
    good = [("get_weather", OSLO), ("get", '{"any": [1, {"thing": null}]}'), ("ping", "{}")]
    bad = [("get_wether", OSLO), ("get_weather", '{"town": "Oslo"}'), ("ping", '{"a": 1}')]
    bad += [("get_weather", "{}"), ("get_weather", '{"city": 5}'), ("get", "[]")]
    assert [verdict(family, request, written(form, each)) for each in good] == [FINE] * len(good)
    assert [verdict(family, request, written(form, each)) for each in bad] == [FORBIDDEN] * len(bad)


@pytest.mark.parametrize("family", FAMILIES)
def test_where_a_call_is_required_nothing_else_is_written(family: str) -> None:
    form, request = known(family), asking(choice=REQUIRED)
    call = written(form, ("ping", "{}"))
    assert verdict(family, request, "Hello") == FORBIDDEN
    assert verdict(family, request, "") == OPEN
    assert verdict(family, request, f" {call}") == FORBIDDEN
    assert verdict(family, request, f"{call} and") == FORBIDDEN
    named = asking(choice=ToolChoice("required", ("get",)))
    assert verdict(family, named, call) == FORBIDDEN
    assert verdict(family, named, written(form, ("get", "{}"))) == FINE


@pytest.mark.parametrize("family", FAMILIES)
def test_several_calls_only_where_they_are_allowed(family: str) -> None:
    form = known(family)
    two = written(form, ("get_weather", OSLO), ("ping", "{}"))
    for choice in (ToolChoice(), REQUIRED):
        expected = FINE if family in SEVERAL else FORBIDDEN
        assert verdict(family, asking(choice=choice), two) == expected
        assert verdict(family, asking(choice=choice, parallel=False), two) == FORBIDDEN


@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_in_a_form_or_a_call(family: str) -> None:
    """Forms with references, in the tool and in the answer."""
    schema = {
        "$defs": {"n": {"type": "integer"}},
        "type": "object",
        "properties": {"n": {"$ref": "#/$defs/n"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    request = asking(tools=(Tool("count", "", schema, strict=True), Tool("ping")))
    request = replace(request, response_format=ResponseFormat(CITY))
    form = known(family)
    assert verdict(family, request, OSLO) == FINE
    assert verdict(family, request, "Hello") == FORBIDDEN
    assert verdict(family, request, '{"n": 5}') == FORBIDDEN
    assert verdict(family, request, written(form, ("count", '{"n": 5}'))) == FINE
    assert verdict(family, request, written(form, ("count", '{"n": "x"}'))) == FORBIDDEN
    required = replace(request, tool_choice=REQUIRED)
    assert verdict(family, required, OSLO) == FORBIDDEN


def test_tags_that_are_no_tokens_are_held_to_the_form_as_well() -> None:
    made = tokenizer_of(QWEN)
    form = format_of(made)
    assert form is not None
    assert not form.tokens
    tokens = loaded(made)
    for call, expected in [(("ping", "{}"), FINE), (("pong", "{}"), FORBIDDEN)]:
        ids = made.encode(f"Hi\n{written(form, call)}")
        assert judged(tokens, asking(), form, ids) == expected


def test_a_tag_that_is_spelled_out_is_held_to_the_form_as_well() -> None:
    spelled = [token for letter in "Hi <tool_call>" for token in tokenizer("qwen").encode(letter)]
    assert known("qwen").tokens["<tool_call>"] not in spelled
    for rest, expected in [('\n{"name": "ping"', OPEN), ("\nfree", FORBIDDEN)]:
        ids = spelled + tokenizer("qwen").encode(rest)
        assert judged(llguidance_of("qwen"), asking(), known("qwen"), ids) == expected


def test_what_llama_begins_as_a_call_is_one() -> None:
    assert verdict("llama", asking(), '{"answer": 42}') == FINE
    assert verdict("llama", asking(), '{"name": "Bob"}') == FORBIDDEN
    assert verdict("llama", asking(), 'Her {"name": "Bob"}') == FINE
    typed = '{"type": "function", "name": "ping", "parameters": {}}'
    assert verdict("llama", asking(), typed) == FINE
    assert verdict("llama", asking(), "<|python_tag|>print(1)") == FORBIDDEN


def test_mistrals_own_ids_are_allowed() -> None:
    text = '[TOOL_CALLS] [{"name": "ping", "arguments": {}, "id": "abcDEF123"}]'
    assert verdict("mistral", asking(), text) == FINE
    assert verdict("mistral", asking(), text.replace("123", "12")) == FORBIDDEN


def test_without_tools_there_is_the_form_of_the_answer_or_nothing() -> None:
    for request in (asking(tools=()), asking(choice=ToolChoice("none"))):
        assert grammar_for(request, known("qwen")) is None
        assert grammar_for(request, None) is None
        formed = replace(request, response_format=ResponseFormat(CITY))
        assert verdict("qwen", formed, OSLO) == FINE
        assert verdict("qwen", formed, "Hello") == FORBIDDEN
    with pytest.raises(InvalidGeneration, match="cannot call tools") as refused:
        grammar_for(asking(), None)
    assert refused.value.param == "tools"


def test_what_cannot_be_enforced_is_left_out_unless_it_is_strict() -> None:
    remote = Tool("get", "", {"$ref": "https://example.org/x"})
    keyword = Tool("get", "", {"properties": {"a": {"type": "array", "contains": {"const": 3}}}})
    for tool in (remote, keyword):
        request = asking(tools=(tool,))
        assert verdict("qwen", request, written(known("qwen"), ("get", '{"a": [1]}'))) == FINE
    with pytest.raises(InvalidGeneration) as refused:
        grammar_for(asking(tools=(Tool("ping"), replace(remote, strict=True))), known("qwen"))
    assert refused.value.param == "tools[1].function.parameters"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("word", ["<tool_call>", "</s>", "a <tool_call> b </tool_call>"])
def test_a_schema_may_spell_what_is_a_token_of_calls(family: str, word: str) -> None:
    made = tokenizer(family)
    text = TokenizerText.of(made.backend_tokenizer.to_str(), len(made), (made.eos_token_id,))
    matcher = compile_grammar(text.load(), f"start: {json_rule({'const': word}, 'f')}")
    letters = [token for each in f'"{word}"' for token in made.encode(each)]
    assert matcher.consume_tokens(letters)
