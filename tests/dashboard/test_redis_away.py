"""While web processes have lost their Redis, pages work and say so."""

import re
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from api import sharing
from inference.models import ServedModel
from tests import redis_server
from tests.cast import Person

pytestmark = [redis_server.needed, pytest.mark.django_db(transaction=True)]
SAID = "Redis does not answer."
STATE = re.compile(r"Redis, shared by web processes.*?(Up|Stopped)", re.DOTALL)


def test_the_banner_and_the_status_page_say_it_until_redis_is_back(
    as_ada: Client, ada: Person, settings: Settings, tmp_path: Path
) -> None:
    def page(name: str) -> str:
        road = sharing.road()
        if road:
            road._rests_until = 0.0  # as two seconds later
        answer = as_ada.get(f"/dashboard/{ada.organisation.slug}/{name}")
        assert answer.status_code == 200
        return answer.content.decode()

    ServedModel.objects.create(
        id="tiny", engine="scripted:", context_window=64, state=ServedModel.State.INSTALLED
    )
    assert "Redis" not in page("status")
    with redis_server.running(tmp_path) as redis:
        settings.REDIS_URL = redis.url
        assert STATE.findall(page("status")) == ["Up"]
        assert SAID not in page("overview")
        redis.stop()
        assert SAID in page("overview")
        assert STATE.findall(page("status")) == ["Stopped"]
        redis.start()
        assert SAID not in page("overview")
        assert STATE.findall(page("status")) == ["Up"]
