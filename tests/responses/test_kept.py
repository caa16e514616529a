"""What is kept of a response: its input items can be listed, and all of it deleted."""

from datetime import timedelta

import pytest
from django.utils import timezone

from inference.models import Response
from tests.cast import Person
from tests.conversations.conftest import Ask, asks


@pytest.fixture
def ask(ada: Person) -> Ask:
    return asks(ada)


@pytest.fixture
def response(ada: Person) -> Response:
    """Asked with five items: item_0, …, item_4."""
    made: Response = Response.objects.create(
        id="resp_1", organisation=ada.organisation, status="completed", model="m", body={},
        input=[{"id": f"item_{place}", "type": "message"} for place in range(5)],
    )  # fmt: skip
    return made


def test_input_items_are_listed_newest_first(ask: Ask, response: Response) -> None:
    first = ask("GET", "/v1/responses/resp_1/input_items", limit=3).body
    assert [item["id"] for item in first["data"]] == ["item_4", "item_3", "item_2"]
    assert (first["object"], first["has_more"]) == ("list", True)
    rest = ask("GET", "/responses/resp_1/input_items", limit=3, after=first["last_id"]).body
    assert [item["id"] for item in rest["data"]] == ["item_1", "item_0"]
    assert rest["has_more"] is False
    assert ask("GET", "/v1/responses/resp_1/input_items", after="item_9").status == 400


def test_a_deleted_response_is_gone(ask: Ask, response: Response) -> None:
    gone = ask("DELETE", "/v1/responses/resp_1")
    assert gone.body == {"id": "resp_1", "object": "response", "deleted": True}
    assert not Response.objects.exists()
    for method, path in (("DELETE", ""), ("GET", "/input_items")):
        assert ask(method, f"/v1/responses/resp_1{path}").status == 404


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_running_response_is_not_deleted(ask: Ask, response: Response, status: str) -> None:
    Response.objects.update(status=status)
    refused = ask("DELETE", "/v1/responses/resp_1")
    assert refused.status == 400
    assert "Cancel it first" in refused.error["message"]
    assert Response.objects.exists()


@pytest.mark.parametrize("odd", ["%3Eå", "a.b", "%00", "%0A"])
def test_an_id_that_none_can_have_is_unknown_like_any_other(ask: Ask, odd: str) -> None:
    for method, path in (("DELETE", ""), ("GET", "/input_items")):
        unknown = ask(method, f"/v1/responses/{odd}{path}")
        assert (unknown.status, unknown.error["param"]) == (404, "response_id")


def test_a_stranger_finds_nothing(mallory: Person, response: Response) -> None:
    ask = asks(mallory)
    for method, path in (("DELETE", ""), ("GET", "/input_items")):
        assert ask(method, f"/v1/responses/resp_1{path}").status == 404
    assert Response.objects.exists()


def test_a_response_whose_time_is_over_is_gone(ask: Ask, response: Response) -> None:
    Response.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    for method, path in (("DELETE", ""), ("GET", "/input_items")):
        assert ask(method, f"/v1/responses/resp_1{path}").status == 404
