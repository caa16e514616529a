"""Without Redis one web process a database: a second would let every key exceed its limits."""

import pytest
from django.db import connection
from pytest_django import Settings

from config import web_lock
from config.children import CannotStart

pytestmark = pytest.mark.django_db


def test_a_second_web_process_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_lock, "WAIT_SECONDS", 1)
    with (
        web_lock.only_web_process(),
        pytest.raises(CannotStart, match="Rate limits live in the memory"),
        web_lock.only_web_process(),
    ):
        pytest.fail("two web processes")


def test_the_lock_goes_with_its_holder() -> None:
    for _ in range(2):
        with web_lock.only_web_process():
            pass


def test_with_redis_there_may_be_any_number(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    with web_lock.only_web_process(), web_lock.only_web_process():
        pass


def test_several_processes_by_setting_are_refused(settings: Settings) -> None:
    settings.WEB_PROCESSES = 2
    with pytest.raises(CannotStart, match="WEB_CONCURRENCY"), web_lock.only_web_process():
        pytest.fail("two web processes")


def test_a_missing_database_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", "nowhere")
    with pytest.raises(CannotStart, match="does not answer"), web_lock.only_web_process():
        pytest.fail("a web process without a database")
