"""Tokens: a visitor's is good for one chatbot and a day; a customer's names a person."""

import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as some

from api.errors import Unauthenticated
from chatbots import visitor_tokens
from chatbots.protocol.limits import TOKEN_SECONDS
from tests.chatbots.websocket.lives import live

SECRET = "a secret of the bakery's server, long enough"


@pytest.fixture(autouse=True)
def identity_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    async def known(_live: object) -> bytes:
        return SECRET.encode()

    monkeypatch.setattr(visitor_tokens, "_identity_secret", known)


def signed(secret: str = SECRET, **claims: Any) -> str:
    usual = {"aud": "bot_1", "sub": "ada", "exp": int(time.time()) + 60}
    kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(kept, secret, claims.get("algorithm", "HS256"))


async def person(token: str) -> Mapping[str, str]:
    return await visitor_tokens.read_user_token(live(), token)


@given(some.from_regex(r"vis_[0-9a-f]{32}", fullmatch=True))
def test_a_visitor_is_known_again_by_the_token(visitor_id: str) -> None:
    token, expires_at = visitor_tokens.issue(live(), visitor_id)
    assert visitor_tokens.read(live(), token) == visitor_id
    assert TOKEN_SECONDS - 5 <= expires_at - time.time() <= TOKEN_SECONDS


def test_a_token_is_of_one_chatbot_and_one_generation() -> None:
    token, _ = visitor_tokens.issue(live(), "vis_1")
    assert visitor_tokens.read(live(chatbot_id="bot_2"), token) is None
    assert visitor_tokens.read(live(token_generation=2), token) is None


def test_a_token_is_of_no_use_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - TOKEN_SECONDS - 1)
    token, _ = visitor_tokens.issue(live(), "vis_1")
    monkeypatch.undo()
    assert visitor_tokens.read(live(), token) is None


@given(some.integers(min_value=0), some.sampled_from("AZaz09-_."))
def test_a_token_in_which_anything_was_changed_names_nobody(place: int, letter: str) -> None:
    token, _ = visitor_tokens.issue(live(), "vis_1")
    place %= len(token) - 1  # the last letter has bits that say nothing
    changed = token[:place] + letter + token[place + 1 :]
    assert (visitor_tokens.read(live(), changed) == "vis_1") == (changed == token)


@given(some.text())
def test_what_is_no_token_names_nobody(text: str) -> None:
    assert visitor_tokens.read(live(), text) is None


def test_a_token_without_a_signature_names_nobody() -> None:
    claims = {"aud": "bot_1", "sub": "vis_1", "gen": 1, "exp": time.time() + 60}
    assert visitor_tokens.read(live(), jwt.encode(claims, "", "none")) is None


def test_no_token_passes_for_another_kind() -> None:
    preview = visitor_tokens.preview("org_1", "bot_1", "user_1")
    visitor, _ = visitor_tokens.issue(live(), "vis_1")
    assert visitor_tokens.read(live(), preview) is None
    with pytest.raises(Unauthenticated):
        visitor_tokens.read_preview(visitor)
    assert visitor_tokens.read_preview(preview) == visitor_tokens.Preview(
        "org_1", "bot_1", "user_1"
    )


async def test_a_customer_names_a_person_and_nothing_but_known_claims() -> None:
    token = signed(name="Ada", email="ada@example.com", plan="gold", admin=True)
    assert await person(token) == {
        "sub": "ada", "name": "Ada", "email": "ada@example.com", "plan": "gold",
    }  # fmt: skip


@pytest.mark.parametrize(
    "claims",
    [
        {"secret": "another secret, which is long enough, too"},
        {"aud": "bot_2"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 201},
        {"exp": None},
        {"exp": int(time.time()) - 600},
        {"gen": 2},
    ],
)
async def test_a_persons_token_that_is_wrong_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await person(signed(**claims))
    assert refused.value.param == "session.user_token"
    assert refused.value.error_code == "invalid_key"


async def test_clocks_may_differ_a_little() -> None:
    assert await person(signed(exp=int(time.time()) - 30))
