"""`catalog.find` answers with the model behind a name, or with the error that a client can use."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import Organisation
from api import database
from api.errors import ModelNotFound, ModelUnavailable
from inference import catalog, defaults, installing
from inference.models import ModelAlias, ServedModel


@pytest.fixture(autouse=True)
async def shipped(async_db: None) -> None:
    await sync_to_async(defaults.ensure)()


async def change(verb: Callable[..., Any], *values: object, **fields: object) -> Any:
    return await sync_to_async(verb)(*values, **fields)


async def test_a_model_is_found_by_its_id() -> None:
    entry = await catalog.find("smarter-mini", "org_any")

    assert entry.id == entry.requested == "smarter-mini"
    assert entry.engine == f"local:{defaults.BUILT_IN_WEIGHTS}"
    assert entry.context_window == 2048
    assert "chat" in entry.capabilities


async def test_an_alias_leads_to_the_model_that_bears_the_price() -> None:
    await change(installing.give_alias, "gpt-4o", "smarter-mini")

    entry = await catalog.find("gpt-4o", "org_any")

    assert (entry.id, entry.requested) == ("smarter-mini", "gpt-4o")


async def test_an_alias_may_cover_a_model_that_is_not_installed() -> None:
    await change(installing.give_alias, "gemma-2-9b-it", "smarter-mini")

    assert (await catalog.find("gemma-2-9b-it", "org_any")).id == "smarter-mini"


async def test_no_name_means_the_organisations_default_or_the_built_in_model() -> None:
    await change(installing.give_alias, "ours", "smarter-mini")

    assert (await catalog.find(None, "org_any", "ours")).requested == "ours"
    assert (await catalog.find(None, "org_any")).requested == "smarter-mini"
    assert (await catalog.find("smarter-mini", "org_any", "ours")).requested == "smarter-mini"


async def test_a_crowd_that_comes_at_once_is_one_question_to_the_database() -> None:
    catalog.forget()
    before = database.figures().get("requests_num", 0)
    found = await asyncio.gather(*(catalog.find("smarter-mini", "org_any") for _ in range(200)))
    assert {entry.id for entry in found} == {"smarter-mini"}
    assert database.figures()["requests_num"] - before == 1


async def test_who_leaves_takes_the_answer_from_nobody() -> None:
    catalog.forget()
    gone = asyncio.create_task(catalog.find("smarter-mini", "org_any"))
    stays = asyncio.create_task(catalog.find("smarter-mini", "org_any"))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).id == "smarter-mini"


@pytest.mark.parametrize("name", ["nothing", "x" * 10_000, "nul\0", "' OR true --", "SMARTER-MINI"])
async def test_an_unknown_name_is_not_found(name: str) -> None:
    with pytest.raises(ModelNotFound) as refused:
        await catalog.find(name, "org_any")

    assert refused.value.param == "model"
    assert len(refused.value.message) < 400


async def test_a_model_that_is_not_installed_is_unavailable_and_not_tried_again() -> None:
    with pytest.raises(ModelUnavailable) as refused:
        await catalog.find("llama3:8b-instruct-q8_0", "org_any")

    body = refused.value.body()["error"]
    assert body["code"] == "model_unavailable"
    assert body["param"] == "model"
    assert int(refused.value.headers()["retry-after"]) > 120  # client libraries give up at once


async def test_a_model_that_failed_to_load_is_unavailable_without_its_reason() -> None:
    model = ServedModel.objects.filter(pk="smarter-mini")
    await model.aupdate(state="failed", failure="/var/secret/path: out of memory")

    with pytest.raises(ModelUnavailable) as refused:
        await catalog.find("smarter-mini", "org_any")

    assert "secret" not in refused.value.message


async def test_a_private_model_exists_for_its_organisation_alone() -> None:
    bees = await Organisation.objects.acreate(name="Bees", slug="bees")
    await ServedModel.objects.filter(pk="smarter-mini").aupdate(organisation=bees)
    await change(installing.give_alias, "other-name", "smarter-mini")

    assert (await catalog.find("smarter-mini", bees.id)).id == "smarter-mini"
    for name in ("smarter-mini", "other-name"):
        with pytest.raises(ModelNotFound):
            await catalog.find(name, "org_wasps")


async def test_a_change_is_seen_within_two_seconds() -> None:
    await catalog.find("smarter-mini", "org_any")
    await change(installing.give_alias, "later", "smarter-mini")
    await change(installing.remove, "smarter-mini")
    await asyncio.sleep(catalog.FRESH_SECONDS + 0.1)

    assert catalog.FRESH_SECONDS <= 2
    with pytest.raises(ModelUnavailable):
        await catalog.find("smarter-mini", "org_any")


async def test_a_name_that_is_asked_often_costs_one_query(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await catalog.find("smarter-mini", "org_any")
    monkeypatch.delattr(database, "connection")

    for _ in range(100):
        assert (await catalog.find("smarter-mini", "org_other")).id == "smarter-mini"


async def test_a_name_that_was_missing_is_found_as_soon_as_it_exists() -> None:
    with pytest.raises(ModelNotFound):
        await catalog.find("soon", "org_any")

    await ModelAlias.objects.acreate(name="soon", model_id="smarter-mini")

    assert (await catalog.find("soon", "org_any")).id == "smarter-mini"


async def test_the_memory_holds_only_names_that_exist() -> None:
    for number in range(50):
        with pytest.raises(ModelNotFound):
            await catalog.find(f"unknown-{number}", "org_any")

    assert catalog._cache() == {}
