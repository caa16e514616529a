"""What is tried again, how often, and under which Idempotency-Key."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

import smarter
from sdk.tests.conftest import COMPLETION, Script, refuses, says

Say = Callable[[], Any]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_what_may_pass_is_tried_twice_more(status: int, script: Script, say: Say) -> None:
    script.answers = [refuses(status)]
    with pytest.raises(smarter.APIStatusError) as raised:
        say()
    assert raised.value.status_code == status
    assert len(script.asked) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, smarter.BadRequestError), (401, smarter.AuthenticationError),
        (403, smarter.PermissionDeniedError), (404, smarter.NotFoundError),
        (422, smarter.UnprocessableEntityError),
    ],
)  # fmt: skip
def test_what_will_not_pass_is_not_tried_again(
    status: int, error: type[smarter.APIStatusError], script: Script, say: Say
) -> None:
    script.answers = [refuses(status)]
    with pytest.raises(error) as raised:
        say()
    assert len(script.asked) == 1
    assert raised.value.request_id == "req_123"
    assert raised.value.response.status_code == status


def test_a_lost_connection_is_tried_again(script: Script, say: Say) -> None:
    script.answers = [httpx.ConnectError("gone"), says(COMPLETION)]
    assert say().choices[0].message.content == "Hello!"
    assert len(script.asked) == 2


def test_a_server_that_is_not_there_is_a_connection_error(script: Script, say: Say) -> None:
    script.answers = [httpx.ConnectError("gone")]
    with pytest.raises(smarter.APIConnectionError) as raised:
        say()
    assert isinstance(raised.value.__cause__, httpx.ConnectError)


def test_a_timeout_is_tried_twice_more_and_is_a_connection_error(script: Script, say: Say) -> None:
    script.answers = [httpx.ReadTimeout("slow")]
    with pytest.raises(smarter.APITimeoutError) as raised:
        say()
    assert isinstance(raised.value, smarter.APIConnectionError)
    assert len(script.asked) == 3


def test_all_tries_of_a_call_carry_one_idempotency_key(script: Script, say: Say) -> None:
    script.answers = [refuses(503), refuses(503), says(COMPLETION)]
    say()
    script.answers = [says(COMPLETION)]
    say()
    keys = [request.headers["idempotency-key"] for request in script.asked]
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]


def test_reading_carries_no_idempotency_key(script: Script, client: smarter.Smarter) -> None:
    script.answers = [says({"object": "list", "data": []})]
    client.models.list()
    assert "idempotency-key" not in script.asked[0].headers


def test_retries_are_set_for_a_client_and_for_a_call(
    script: Script, client: smarter.Smarter
) -> None:
    script.answers = [refuses(500)]
    for retries in (0, 4):
        script.asked.clear()
        with pytest.raises(smarter.InternalServerError):
            client.with_options(max_retries=retries).models.list()
        assert len(script.asked) == 1 + retries
