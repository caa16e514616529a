"""What two do in the same moment comes out as if one had been first; nobody meets a fault."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import connections
from django.test import Client

from accounts import invitations
from accounts.models import Membership
from api.errors import NotFound
from chatbots import making, naming
from chatbots.author import SYSTEM
from dashboard.pages import usage_views
from tests.cast import Person
from tests.dashboard.conftest import signed_in


@pytest.fixture
def both() -> Barrier:
    """Where two meet, unless one of them waits elsewhere for the other."""
    return Barrier(2, timeout=1)


def meet(both: Barrier) -> None:
    with suppress(BrokenBarrierError):
        both.wait()


@pytest.mark.django_db(transaction=True)
def test_two_teams_take_one_name_for_a_chatbot(
    ada: Person, mallory: Person, both: Barrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming, "require_room", lambda _: meet(both))  # the slug is chosen

    def make(person: Person) -> str:
        try:
            return making.create(person.organisation.id, SYSTEM, "support").slug
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        first, second = sorted(pool.map(make, (ada, mallory)))
    assert first == "support"
    assert second.startswith("support-")


@pytest.mark.django_db(transaction=True)
def test_two_tabs_keep_a_view_each(
    ada: Person, both: Barrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = usage_views.normal

    def normal(query: str) -> str:
        meet(both)  # the member is known, nothing is kept yet
        return known(query)

    def keep(name: str) -> int:
        try:
            path = f"/dashboard/{ada.organisation.slug}/usage/views"
            return signed_in(ada).post(path, {"name": name, "query": "by=key"}).status_code
        finally:
            connections.close_all()

    monkeypatch.setattr(usage_views, "normal", normal)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(keep, ("One", "Two"))) == [302, 302]
    assert set(Membership.objects.get(user=ada.user).usage_views) == {"One", "Two"}


def test_a_link_that_was_used_a_moment_ago_says_so(
    as_ben: Client, ada: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used(*_: object) -> None:
        raise NotFound("This invitation was used.")

    Membership.objects.filter(user=ben.user).delete()
    _, token = invitations.invite(ada.organisation, ben.user.email, "analyst", ada.user)
    monkeypatch.setattr(invitations, "accept", used)
    answer = as_ben.post(f"/invite/{token}")
    assert answer.status_code == 404
    assert "This invitation was used." in answer.content.decode()
