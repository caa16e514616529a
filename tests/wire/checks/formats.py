"""Structured output: valid by its schema, whole and streamed, in chats and in Responses."""

import json

from pydantic import ValidationError

from tests.wire.raw import Site
from tests.wire.registry import check
from tests.wire.tools import FORM, PLANNED, UNSUPPORTED, Plan

STRICT = {"response_format": {"type": "json_schema", "json_schema": FORM}}
OBJECT = {"response_format": {"type": "json_object"}}


def plan(text: str) -> Plan:
    try:
        return Plan.model_validate_json(text)
    except ValidationError as error:
        raise AssertionError(f"not by the schema: {text!r}") from error


def is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


@check
def a_strict_answer_is_valid(site: Site) -> None:
    whole = site.chat(PLANNED, **STRICT).good["choices"][0]
    streamed = site.chat(PLANNED, **STRICT, stream=True)
    assert plan(whole["message"]["content"]) == plan(streamed.said())
    assert whole["finish_reason"] == streamed.deltas[-1]["finish_reason"] == "stop"
    assert whole["message"].get("refusal", "missing") is None


@check
def a_json_object_is_one(site: Site) -> None:
    said = "Say hello in JSON"
    assert is_object(site.chat(said, **OBJECT).good["choices"][0]["message"]["content"])
    assert is_object(site.chat(said, **OBJECT, stream=True).said())


@check
def a_strict_answer_that_was_cut_says_so(site: Site) -> None:
    for stream in (False, True):
        answer = site.chat(PLANNED, **STRICT, max_tokens=3, stream=stream)
        last = answer.deltas[-1] if stream else answer.good["choices"][0]
        assert last["finish_reason"] == "length"


@check
def responses_keep_formats_too(site: Site) -> None:
    form = {"format": {"type": "json_schema", **FORM}}
    whole = site.respond(PLANNED, text=form).good
    final = site.respond(PLANNED, text=form, stream=True).chunks[-1]["response"]
    for response in (whole, final):
        plan(response["output"][0]["content"][0]["text"])
        assert response["text"]["format"]["name"] == "plan"
    said = site.respond("Say hello in JSON", text={"format": {"type": "json_object"}}).good
    assert is_object(said["output"][0]["content"][0]["text"])


@check
def a_schema_that_is_not_supported_is_refused_at_once(site: Site) -> None:
    form = {**FORM, "schema": UNSUPPORTED}
    wanted = {"response_format": {"type": "json_schema", "json_schema": form}}
    for stream in (False, True):
        chat = site.chat("x", **wanted, stream=stream)
        assert chat.status == 400
        assert str(chat.error["param"]).startswith("response_format")
        text = {"format": {"type": "json_schema", **form}}
        response = site.respond("x", text=text, stream=stream)
        assert response.status == 400
        assert str(response.error["param"]).startswith("text.format")
