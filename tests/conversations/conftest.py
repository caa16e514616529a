"""Callers of the conversations' routes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from api import rate_limits
from tests.cast import Person


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.body["error"]
        return error


Ask = Callable[..., Answer]


def asks(person: Person) -> Ask:
    """`ask("POST", "/v1/conversations", {...})`, with this person's key."""

    def ask(method: str, path: str, body: object = None, **query: object) -> Answer:
        rate_limits.forget_all()
        headers = {"authorization": f"Bearer {person.key}"}
        client: Any = Client(raise_request_exception=False)
        send = getattr(client, method.lower())
        if method == "GET":
            answer = send(path, query, headers=headers)
        else:
            answer = send(path, body, content_type="application/json", headers=headers)
        return Answer(answer.status_code, answer.json())

    return ask


@pytest.fixture
def ask(ada: Person) -> Ask:
    return asks(ada)


def said(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


@pytest.fixture
def conversation(ask: Ask) -> str:
    """Three messages: one, two, three."""
    made = ask(
        "POST", "/v1/conversations", {"items": [said(text) for text in ("one", "two", "three")]}
    )
    conversation_id: str = made.body["id"]
    return conversation_id
