"""The proxy of compose.yaml while no web process is there."""

from pathlib import Path

import httpx

from tests import nginx
from tests.running import free_port

pytestmark = nginx.needed


def test_callers_hear_in_the_envelope_of_the_api_that_nobody_is_there_and_when_to_come_again(
    tmp_path: Path,
) -> None:
    with nginx.before([free_port(), free_port()], tmp_path) as url:
        answers = [httpx.post(f"{url}/v1/chat/completions", json={}) for _ in range(3)]
    for answer in answers:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
        assert answer.json()["error"]["code"] == "service_unavailable"
