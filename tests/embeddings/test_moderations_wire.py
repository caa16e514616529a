"""POST /v1/moderations: OpenAI's shape from any classifier's labels."""

import json
from array import array
from typing import Any

import pytest

from accounts.models import Organisation
from inference import catalog
from inference.gateway.moderations import CATEGORIES, verdict
from inference.models import ServedModel
from tests.inference.asgi import Call, Tenant
from tests.inference.conftest import balance, cost


@pytest.fixture
async def judge(ada: Tenant) -> Tenant:
    """Ada, on a server with a classifier."""
    await ServedModel.objects.filter(id="scripted").aupdate(capabilities=["moderations"])
    catalog.forget()
    return ada


async def ask(tenant: Tenant, *, headers: Any = None, **fields: Any) -> Call:
    body = json.dumps(fields).encode()
    return await tenant.send(body, path="/v1/moderations", headers=headers).finished()


async def test_without_a_model_the_first_classifier_judges(judge: Tenant) -> None:
    call = await ask(judge, input=["a kind word", "this is violence", "spam"])
    assert (call.status, call.json["model"]) == (200, "scripted")
    assert call.json["id"].startswith("modr-")
    calm, violent, spam = call.json["results"]
    assert [each["flagged"] for each in (calm, violent, spam)] == [False, True, True]
    assert violent["categories"] == dict.fromkeys([*CATEGORIES, "spam"], False) | {"violence": True}
    assert violent["category_scores"]["violence"] == 0.875
    assert violent["category_scores"]["sexual/minors"] == 0.0
    assert violent["category_applied_input_types"]["violence"] == ["text"]
    assert violent["category_applied_input_types"]["sexual"] == []
    assert spam["categories"]["spam"] is True


async def test_parts_are_one_text_and_images_are_refused(judge: Tenant) -> None:
    parts = [{"type": "text", "text": "spam"}, {"type": "text", "text": "kind"}]
    call = await ask(judge, input=parts)
    assert [each["flagged"] for each in call.json["results"]] == [True]
    image = {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}
    refused = await ask(judge, input=[*parts, image])
    assert (refused.status, refused.error["param"]) == (400, "input[2].type")


async def test_tokens_are_charged_like_any(judge: Tenant) -> None:
    before, _ = await balance(judge)
    call = await ask(judge, model="scripted", input="three little words")
    assert call.json["usage"]["prompt_tokens"] == 3
    after, held = await balance(judge)
    assert (before - after, held) == (cost(3, 0), 0)


async def test_a_server_without_a_classifier_says_so(ada: Tenant) -> None:
    for fields in ({}, {"model": "omni-moderation-latest"}):
        call = await ask(ada, input="x", **fields)
        assert (call.status, call.error["code"]) == (404, "model_not_found")
        assert call.error["param"] == "model"
    call = await ask(ada, input="x", model="scripted")
    assert (call.status, call.error["code"]) == (400, "unsupported_model")


async def test_a_strangers_classifier_is_not_chosen(judge: Tenant) -> None:
    other = await Organisation.objects.acreate(name="Mallory's mill", slug="mallory")
    await ServedModel.objects.filter(id="scripted").aupdate(organisation=other)
    catalog.forget()
    call = await ask(judge, input="x")
    assert (call.status, call.error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["fine", ""]}, "input[1]"),
        ({"input": [1]}, "input[0]"),
        ({"input": " "}, "input"),
        ({"input": ["x"] * 2049}, "input"),
        ({"input": "x", "user": "u"}, "user"),
    ],
)
async def test_bad_input_is_refused_by_name(
    judge: Tenant, fields: dict[str, Any], param: str
) -> None:
    call = await ask(judge, **fields)
    assert (call.status, call.error["param"]) == (400, param)


def test_labels_become_openais_categories_however_they_are_spelled() -> None:
    told = verdict(
        ("Self_Harm/Intent", "hate-threatening", "SEXUAL", "insult"),
        array("f", [0.9, 0.1, 0.5, 0.2]),
    )
    assert set(told["category_scores"]) == {*CATEGORIES, "insult"}
    flagged = {name for name, flag in told["categories"].items() if flag}
    assert flagged == {"self-harm/intent", "sexual"}


def test_a_label_that_says_that_all_is_well_flags_nothing() -> None:
    told = verdict(("non-toxic", "toxic"), array("f", [0.75, 0.25]))
    assert told["flagged"] is False
    assert told["category_scores"]["non-toxic"] == 0.75
    assert told["categories"]["non-toxic"] is False
