"""What is not there, or is another's, is refused with the call that helps on; and that call works.

The walk asks the URL conf itself: a route that comes later needs its hint on the day it comes.
"""

import re

import pytest
from django.urls import resolve

from api.errors import NotFound
from dashboard import errors
from inference.gateway.routes import ROUTES
from tests.accounts.every_route import OBJECTS, Route, ask, routes
from tests.cast import Person

HINT = re.compile(r"(GET|POST) (/v1/[\w/-]+)")
ID = re.compile(r"<(?:(\w+):)?(\w+)>")
ACTIONS = ("GET", "DELETE", "POST")
CHECKED_FIRST = ("/parts", "/complete", "/feedback")  # what is sent, before what it is for
GENERATING = {path for route in ROUTES if isinstance(path := getattr(route, "path", None), str)}
naming = [
    route
    for route in routes()
    if route.pattern.startswith("v1/")
    and ID.search(route.pattern)
    and not route.pattern.endswith(CHECKED_FIRST)
]


def unknown(route: Route, ada: Person) -> str:
    """A path of which only the last thing is not there."""
    *known, last = ID.finditer(route.pattern)
    path = route.pattern[: last.start()] + ("999" if last[1] == "int" else "nobodys")
    path += route.pattern[last.end() :]
    for part in known:
        path = path.replace(part[0], OBJECTS[part[2]](ada))
    return f"/{path}"


def refused(path: str, ada: Person) -> str:
    """What the first method that the path has says."""
    for method in ACTIONS:
        status, body = ask(method, path, ada.key)
        if status == 404:
            return body
        assert status in {400, 405}, (method, status, body)
    raise AssertionError(f"{path} is there")


@pytest.mark.parametrize("route", naming, ids=str)
def test_what_is_not_there_says_the_call_that_helps_on(route: Route, ada: Person) -> None:
    body = refused(unknown(route, ada), ada)
    hint = HINT.search(body)
    assert hint, body
    method, path = hint.groups()
    if method == "GET":
        assert ask("GET", path, ada.key)[0] == 200, body
    else:
        assert path in GENERATING or resolve(path)


def test_people_are_not_told_of_calls() -> None:
    error = NotFound("No such file.", hint="List yours with GET /v1/files.")
    assert error.body()["error"]["message"] == "No such file. List yours with GET /v1/files."
    assert errors.said(error) == "No such file."
