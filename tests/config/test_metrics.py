"""What operators' Prometheus reads: nothing without its key, with it how the process is doing."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from api import database
from billing.ledger import Usage
from config import metrics
from config.asgi import application
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


async def test_without_a_database_the_rest_is_told(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_parameters", lambda: {"host": "127.0.0.1", "port": 9})
    monkeypatch.setattr("django.conf.settings.DATABASE_WAIT_SECONDS", 0.2)
    found = await told(http)
    assert "runs_open" in found
    assert "ledger_holds_open" not in found
    await database.close()
