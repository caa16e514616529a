"""What operators' Prometheus reads: nothing without its key, with it how the process is doing."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from api import database
from api.batching import Batcher
from billing.ledger import Usage
from config import engine_metrics, metrics
from config.asgi import application
from inference.engines import registry
from inference.engines.base import EngineInfo
from inference.engines.local.frames import EngineHealth
from inference.runs.metrics import count

KEY = "a-long-random-text"


@pytest.fixture
def http(settings: Settings) -> httpx.AsyncClient:
    settings.METRICS_KEY = KEY
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url="http://10.1.2.3")


async def told(http: httpx.AsyncClient) -> dict[str, float]:
    answer = await http.get("/metrics", headers={"authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.parametrize("given", [None, "", "Bearer ", "Bearer wrong", KEY, f"bearer {KEY}x"])
async def test_without_the_key_nothing_is_told(http: httpx.AsyncClient, given: str | None) -> None:
    headers = {} if given is None else {"authorization": given}
    answer = await http.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert "ledger" not in answer.text


def test_where_no_key_is_set_there_is_no_such_page(settings: Settings) -> None:
    settings.METRICS_KEY = ""
    assert not metrics.serves({"path": "/metrics"})


async def test_tokens_answers_money_and_the_pool_are_counted(
    http: httpx.AsyncClient, async_db: None
) -> None:
    before = await told(http)
    count(Usage(20, 5, 12), 30)
    after = await told(http)
    kinds = ("prompt", "cached", "completion")
    grown = [after[f"tokens_total {kind}"] - before[f"tokens_total {kind}"] for kind in kinds]
    assert grown == [20, 5, 12]
    assert after["first_token_seconds_count"] - before["first_token_seconds_count"] == 1
    assert after["http_answers_total 200"] > before.get("http_answers_total 200", 0)
    assert after["database_size"] >= 1
    assert (after["ledger_holds_open"], after["ledger_held_nano"], after["runs_open"]) == (0, 0, 0)


class Process:
    """An engine that works on one request and has one waiting, or one that hangs."""

    def __init__(self, address: str, *, hangs: bool = False) -> None:
        self.address = address
        self.hangs = hangs

    async def info(self) -> EngineInfo:
        return EngineInfo("mini", 100, 0, 0, "", "")

    async def health(self) -> EngineHealth:
        if self.hangs:
            await asyncio.sleep(60)
        return EngineHealth("ok", 0.5, 1, 2, 30, 7, 1, 1.5, 11, 12, 50, 200)


async def test_engines_are_told_by_their_own_word_and_a_silent_one_is_not_up(
    http: httpx.AsyncClient, async_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_metrics, "PATIENCE", 0.05)
    engines = (Process("tcp:a:1"), Process("tcp:b:1", hangs=True))
    monkeypatch.setattr(registry, "processes", lambda: engines)
    found = {name: value for name, value in (await told(http)).items() if "engine" in name}
    assert found == {
        "engine_up tcp:a:1": 1, "engine_up tcp:b:1": 0,
        "engine_requests_running tcp:a:1 mini": 1,
        "engine_requests_running_most tcp:a:1 mini": 2,
        "engine_requests_waiting tcp:a:1 mini": 1,
        "engine_tokens_waiting tcp:a:1 mini": 30,
        "engine_kv_cache_usage_ratio tcp:a:1 mini": 0.25,
        "engine_step_running_seconds tcp:a:1 mini": 0.5,
        "engine_prompt_tokens_total tcp:a:1 mini": 11,
        "engine_generation_tokens_total tcp:a:1 mini": 12,
        "engine_steps_total tcp:a:1 mini": 7,
        "engine_step_seconds_total tcp:a:1 mini": 1.5,
    }  # fmt: skip


async def test_batches_tell_their_sizes_and_what_waits_for_the_next(
    http: httpx.AsyncClient, async_db: None
) -> None:
    async def send(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0.05)
        return items

    batcher = Batcher[int, int](send, "tried")
    asked = []
    for number in range(5):
        asked.append(batcher.ask(number))
        await asyncio.sleep(0)
    during = await told(http)
    await asyncio.gather(*asked[:2])
    await batcher.idle()
    after = await told(http)
    assert (during["batch_waiting tried"], after["batch_waiting tried"]) == (3, 0)
    assert (after["batch_size_count tried"], after["batch_size_sum tried"]) == (3, 5)


async def test_without_a_database_the_rest_is_told(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_parameters", lambda: {"host": "127.0.0.1", "port": 9})
    monkeypatch.setattr("django.conf.settings.DATABASE_WAIT_SECONDS", 0.2)
    found = await told(http)
    assert "runs_open" in found
    assert "ledger_holds_open" not in found
    await database.close()
