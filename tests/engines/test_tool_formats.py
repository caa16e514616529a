"""A model's own template tells how it calls tools; what is not understood is not served."""

from pathlib import Path

import pytest

from inference.engines.local.prompts import load_tokenizer
from inference.engines.local.tool_formats import format_of, formats
from tests.engines.tool_models import (
    CODER,
    FAMILIES,
    IGNORING,
    LLAMA,
    MISTRAL,
    PLAIN,
    QWEN,
    known,
    tokenizer,
    tokenizer_of,
    written,
)

BUILTIN = Path(__file__).parents[2] / "inference/builtin/weights"
OSLO = '{"city": "Oslo"}'
TWICE = {
    "qwen": '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>\n'
    '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>',
    "mistral": '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Oslo"}}, '
    '{"name": "ping", "arguments": {}}]',
    "mistral_arguments": '[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo"}[TOOL_CALLS]ping[ARGS]{}',
}


@pytest.mark.parametrize("family", TWICE)
def test_two_calls_are_written_as_the_template_writes_them(family: str) -> None:
    assert written(known(family), ("get_weather", OSLO), ("ping", "{}")) == TWICE[family]
    assert known(family).parallel


def test_llama_makes_one_call_and_may_put_a_tag_before_it() -> None:
    form = known("llama")
    once = '{"name": "get_weather", "parameters": {"city": "Oslo"}}'
    assert written(form, ("get_weather", OSLO)) == once
    assert form.bare
    assert not form.parallel
    assert form.trigger == "<|python_tag|>"
    untagged = format_of(tokenizer_of(LLAMA))
    assert untagged is not None
    assert untagged.trigger == ""


def test_the_built_in_model_calls_as_qwen_does() -> None:
    form = format_of(load_tokenizer(BUILTIN))
    assert form is not None
    assert written(form, ("get_weather", OSLO), ("ping", "{}")) == TWICE["qwen"]


def test_spaces_are_those_of_the_template() -> None:
    tight = QWEN.replace("<tool_call>\n{", "<tool_call>{").replace(
        "}\n</tool_call>", "}</tool_call>"
    )
    form = format_of(tokenizer_of(tight))
    assert form is not None
    once = '<tool_call>{"name": "ping", "arguments": {}}</tool_call>'
    assert written(form, ("ping", "{}")) == once
    nemo = format_of(tokenizer_of(MISTRAL.replace("[TOOL_CALLS] [", "[TOOL_CALLS][")))
    assert nemo is not None
    assert nemo.opening == "[TOOL_CALLS]["


def test_a_template_with_ids_beside_the_arguments() -> None:
    template = FAMILIES["mistral_arguments"][0].replace("[ARGS]", "[CALL_ID]{{ call.id }}[ARGS]")
    form = format_of(tokenizer_of(template))
    assert form is not None
    assert form.middle == (f"[CALL_ID]{formats.ID}[ARGS]", "[ARGS]")


def test_the_template_for_tools_is_read_where_a_model_has_several() -> None:
    made = tokenizer_of(PLAIN, ("<several>",))
    made.chat_template = {"default": PLAIN, "tool_use": QWEN}
    assert format_of(made) is not None


@pytest.mark.parametrize("family", FAMILIES)
def test_marks_that_are_one_token_are_known_by_it(family: str) -> None:
    marks = known(family).tokens
    assert known(family).trigger in marks
    assert all(tokenizer(family).encode(mark) == [token] for mark, token in marks.items())


@pytest.mark.parametrize(
    "template",
    [PLAIN, CODER, IGNORING, "{{ raise_exception('no') }}", "{% for x in %}", None],
    ids=["no tools", "calls in XML", "tools not shown", "refuses", "broken", "no template"],
)
def test_a_model_whose_calls_are_not_understood_has_no_format(template: str | None) -> None:
    made = tokenizer_of(PLAIN, ("<none>",))
    made.chat_template = template
    assert format_of(made) is None


def test_a_template_that_never_ends_keeps_no_model_from_loading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(formats, "TEMPLATE_SECONDS", 0.3)
    made = tokenizer_of("{% for each in range(9999) %}" * 3 + "{% endfor %}" * 3)
    assert format_of(made) is None
