"""A chatbot's web process is killed in mid-answer: the message says so, and nothing stays held."""

import os
import signal
import time
from typing import Any

import httpx
import pytest

from tests.patience import PATIENCE
from tests.running import Server, Tenant, wait_until

LONG = "#pace=100 " + " ".join(f"word{number}" for number in range(200))


@pytest.fixture
def support(rich: Tenant) -> str:
    """The name of a published chatbot."""
    with rich.http() as http:
        made = http.post(
            "/v1/chatbots",
            json={"name": "support", "configuration": {"model": "scripted", "system_prompt": ""}},
        )
        assert made.status_code == 201, made.text
        assert http.post("/v1/chatbots/support/versions", json={}).status_code == 201
    return "support"


def newest(rich: Tenant, chat: str) -> dict[str, Any]:
    page: Any = rich.get(f"/v1/chatbots/support/conversations/{chat}/messages?limit=1")
    message: dict[str, Any] = page["data"][0]
    return message


def read_some(rich: Tenant, words: int) -> str:
    """The conversation of an answer that was read so far and then left."""
    body = {"input": LONG, "stream": True}
    chat, read = "", 0
    with rich.http() as http, http.stream("POST", "/v1/chatbots/support/prompt", json=body) as told:
        for line in told.iter_lines():
            if "conversation" in line and not chat:
                chat = line.split('"conversation":"')[1].split('"')[0]
            read += line.startswith("data: ")
            if read >= words:
                break
    return chat


def test_an_answer_goes_on_without_its_reader(fire: Server, rich: Tenant, support: str) -> None:
    chat = read_some(rich, 3)
    before = newest(rich, chat)
    assert before["status"] == "in_progress"
    wait_until(lambda: len(newest(rich, chat)["text"]) > len(before["text"]), PATIENCE, "it grows")


def test_a_killed_web_process_leaves_a_message_that_says_so_and_no_hold(
    fire: Server, rich: Tenant, support: str
) -> None:
    chat = read_some(rich, 15)
    time.sleep(1.5)  # a checkpoint a second
    os.kill(fire.child("manage.py serve "), signal.SIGKILL)
    wait_until(fire.ready, PATIENCE, "the web process is back")

    def ended() -> bool:
        try:
            return bool(newest(rich, chat)["status"] != "in_progress")
        except httpx.HTTPError:
            return False

    wait_until(ended, PATIENCE, "the message says that it ended")
    message = newest(rich, chat)
    assert (message["status"], message["error_code"]) == ("incomplete", "server_error")
    assert message["text"].startswith("word0 word1")
    with rich.http() as http:  # the conversation goes on at once
        body = {"input": "hello", "conversation": chat}
        assert http.post("/v1/chatbots/support/prompt", json=body).status_code == 200
    wait_until(lambda: rich.get("/v1/balance")["held_nano"] == 0, 120, "the hold is swept")
    page: Any = rich.get(f"/v1/chatbots/support/conversations/{chat}/messages?order=asc")
    told = f"/v1/chatbots/support/conversations/{chat}"
    cut = next(one for one in page["data"] if one["status"] == "incomplete")

    def paid() -> bool:
        messages: Any = rich.get(f"{told}/messages?limit=100")
        return any(one["id"] == cut["id"] and one["completion_tokens"] for one in messages["data"])

    wait_until(paid, PATIENCE, "what was charged stands on the message")
