"""Hostile bodies: a 4xx in our envelope for little work, while everyone else is served."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.running import Tenant

MESSAGES = '"messages": [{"role": "user", "content": "Hello!"}]'
START = '{"model": "smarter-mini", ' + MESSAGES


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


BODIES: dict[str, tuple[bytes, int]] = {
    "NaN": (f'{START}, "temperature": NaN}}'.encode(), 400),
    "Infinity": (f'{START}, "temperature": -Infinity}}'.encode(), 400),
    "1e309": (f'{START}, "temperature": 1e309}}'.encode(), 400),
    "deep JSON": (f'{START}, "metadata": {nested(100_000)}}}'.encode(), 400),
    "deep in a string is fine, but not closed": (f'{START}, "user": "{"[" * 500}'.encode(), 400),
    "lone surrogate": (START.replace("Hello!", "\\ud800").encode() + b"}", 400),
    "NUL": (START.replace("Hello!", "\\u0000").encode() + b"}", 400),
    "invalid UTF-8": (START.encode().replace(b"Hello!", b"\xff\xfe") + b"}", 400),
    "empty": (b"", 400),
    "not JSON": (b"model=smarter-mini", 400),
    "a list": (b"[]", 400),
    "a number": (b"7", 400),
    "huge integer": (f'{START}, "seed": {"9" * 5000}}}'.encode(), 400),
    "messages is a string": (b'{"model": "smarter-mini", "messages": "hello"}', 400),
    "message is a number": (b'{"model": "smarter-mini", "messages": [7]}', 400),
    "no role": (b'{"model": "smarter-mini", "messages": [{"content": "x"}]}', 400),
    "unknown role": (
        b'{"model": "smarter-mini", "messages": [{"role": "king", "content": "x"}]}',
        400,
    ),
    "n = 10^6": (f'{START}, "n": 1000000}}'.encode(), 400),
    "n = 0": (f'{START}, "n": 0}}'.encode(), 400),
    "negative max_tokens": (f'{START}, "max_tokens": -1}}'.encode(), 400),
    "float max_tokens": (f'{START}, "max_tokens": 1.5}}'.encode(), 400),
    "true as a number": (f'{START}, "temperature": true}}'.encode(), 400),
    "number as text": (f'{START}, "temperature": "1"}}'.encode(), 400),
    "five stops": (f'{START}, "stop": ["1", "2", "3", "4", "5"]}}'.encode(), 400),
    "empty stop": (f'{START}, "stop": ""}}'.encode(), 400),
    "huge logit_bias": (
        (START + ', "logit_bias": ' + json.dumps({str(i): 1 for i in range(100_000)})).encode()
        + b"}",
        400,
    ),
    "logit_bias of no token": (f'{START}, "logit_bias": {{"99999999": 1}}}}'.encode(), 400),
    "logit_bias with words": (f'{START}, "logit_bias": {{"word": 1}}}}'.encode(), 400),
    "logit_bias too strong": (f'{START}, "logit_bias": {{"5": 1000}}}}'.encode(), 400),
    "400k words": (START.replace("Hello!", "word " * 400_000).encode() + b"}", 400),
    "parts of no type": (
        b'{"model": "smarter-mini", "messages": [{"role": "user", "content": [{"type": {}}]}]}',
        400,
    ),
    "100,000 bad parts": (
        START.replace('"Hello!"', json.dumps([[1] * 50] * 2000)).encode() + b"}",
        400,
    ),
    "repeated names": (
        ("{" + "".join(f'"k{i}": 0, ' for i in range(30_000)) + '"z": 0, "z": 0}').encode(),
        400,
    ),
    "unknown model": (b'{"model": "x", ' + MESSAGES.encode() + b"}", 404),
    "model is a list": (b'{"model": ["x"], ' + MESSAGES.encode() + b"}", 400),
    "5 MB": (START.replace("Hello!", "x" * 5_000_000).encode() + b"}", 413),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_refused_in_our_envelope(
    ada: Tenant, bystander: list[float], quick: None, name: str
) -> None:
    body, status = BODIES[name]
    with ada.http() as http:
        answer = http.post(
            "/v1/chat/completions", content=body, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == status, answer.text[:300]
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert len(error["message"]) < 1000
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("prompt", [[1] * 10 + ["a"] * 900_000, [[-1] * 10_000] * 100])
def test_a_prompt_of_a_million_wrong_items_is_refused_quickly(
    ada: Tenant, bystander: list[float], quick: None, prompt: list[object]
) -> None:
    with ada.http() as http:
        answer = http.post("/v1/completions", json={"model": "smarter-mini", "prompt": prompt})
    assert answer.status_code in {400, 413}


def test_a_large_body_without_content_length_is_refused(
    ada: Tenant, bystander: list[float]
) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(80):
            yield b"x" * 65_536

    with ada.http() as http:
        try:
            answer = http.post("/v1/chat/completions", content=chunks())
        except httpx.WriteError:
            return  # the server answered and closed before we had sent everything: refused as well
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"


def test_a_60_mb_body_is_refused_for_little_work(ada: Tenant, quick: None) -> None:
    with ada.http() as http:
        answer = http.post("/v1/chat/completions", content=b"x" * 60_000_000)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/chat/completions/x/y/z", "/chat/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH", "PUT"])
def test_unknown_paths_answer_json(ada: Tenant, path: str, method: str) -> None:
    with ada.http() as http:
        answer = http.request(method, path)
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_a_wrong_method_answers_json(ada: Tenant, method: str) -> None:
    with ada.http() as http:
        answer = http.request(method, "/v1/completions")
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "method_not_allowed"
