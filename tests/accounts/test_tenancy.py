"""Every URL and method of the site: closed without a key, and blind to strangers with one.

The walk asks the URL conf itself, so routes that come later are covered on the day they come. A
route with a new kind of id in its path fails here until OBJECTS knows how to make one of Ada's.
"""

import re

import pytest

from accounts.models import APIKey, Membership
from tests.accounts.every_route import Route, ask, routes
from tests.cast import Person

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
PUBLIC = {
    "", "openapi.json", "llms.txt", "docs/", "docs/guides/", "docs/guides/<slug:name>/",
    "docs/guides/<slug:name>.md",
}  # fmt: skip


closed = pytest.mark.parametrize(
    "route", [route for route in routes() if route.pattern not in PUBLIC], ids=str
)


def test_the_walk_finds_the_routes() -> None:
    patterns = {route.pattern for route in routes()}
    assert patterns >= {"v1/me", "me", "v1/api_keys/<slug:key_id>", *PUBLIC}


@closed
def test_without_a_key_nothing_answers(route: Route, ada: Person) -> None:
    path = route.path(ada)
    for method in METHODS:
        status, body = ask(method, path)
        assert status == 401, (method, body)


@closed
def test_with_the_right_key_nothing_breaks(route: Route, ada: Person) -> None:
    path, answered = route.path(ada), set()
    for method in METHODS:
        status, body = ask(method, path, ada.key)
        assert status in {200, 201, 204, 400, 403, 404, 405, 409}, (method, status, body)
        answered.add(status)
    assert answered - {405}, "no method of this route is allowed"


@closed
def test_a_strangers_key_sees_and_changes_nothing(
    route: Route, ada: Person, ben: Person, mallory: Person
) -> None:
    path = route.path(ada)
    before = list(APIKey.objects.for_organisation(ada.organisation.id).values())
    secrets = _secrets_of(ada, ben)
    for method in METHODS:
        status, body = ask(method, path, mallory.key)
        names_an_object = "<" in route.pattern and not route.pattern.endswith("<str:kind>")
        if names_an_object and method != "OPTIONS":
            assert status in {400, 404, 405}, (method, status, body)
        assert not secrets & _words(body), (method, body)
    assert list(APIKey.objects.for_organisation(ada.organisation.id).values()) == before


@closed
def test_an_object_path_with_strange_text_is_not_found(route: Route, ada: Person) -> None:
    for strange in ("%00", "%F0%9F%98%80", "..%2f..", "'%20OR%201=1--", "a" * 2_000):
        path = "/" + re.sub(r"<[^>]+>", strange, route.pattern)
        status, body = ask("GET", path, ada.key)
        assert status < 500, (path, body)


def _secrets_of(ada: Person, ben: Person) -> set[str]:
    members = Membership.objects.for_organisation(ada.organisation.id)
    api_keys = APIKey.objects.for_organisation(ada.organisation.id)
    return {
        ada.organisation.id, ada.organisation.slug, ada.user.id, ada.user.email, ben.user.email,
        *members.values_list("pk", flat=True), *api_keys.values_list("pk", flat=True),
    }  # fmt: skip


def _words(body: str) -> set[str]:
    return set(re.findall(r"[\w@.-]+", body))
