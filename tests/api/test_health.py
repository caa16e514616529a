"""Alive is the process; ready is the process with its database, as long as it is not stopping."""

import pytest
from django.db import OperationalError, connection
from django.test import Client

from api import health


def test_a_live_process_says_so_without_a_database() -> None:
    assert Client().get("/health/live").json() == {"status": "ok"}


@pytest.mark.django_db
def test_a_ready_process_says_so_with_and_without_the_prefix() -> None:
    assert Client().get("/health/ready").status_code == 200
    assert Client().get("/v1/health/ready").status_code == 200


def test_a_stopping_process_is_not_ready_and_still_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "draining", True)
    answer = Client().get("/health/ready")
    assert answer.status_code == 503
    assert "stopping" in answer.json()["error"]["message"]
    assert answer["retry-after"] == "1"
    assert Client().get("/health/live").status_code == 200


@pytest.mark.django_db
def test_without_its_database_a_process_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", lost)
    monkeypatch.setattr(connection, "close", lambda: None)
    answer = Client().get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == "The database does not answer."


def test_health_takes_no_other_methods() -> None:
    assert Client().post("/health/live").status_code == 405
