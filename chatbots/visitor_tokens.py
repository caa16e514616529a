"""Tokens that say who sits before a widget: visitors', the customers' own, and the dashboard's."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from django.conf import settings

from accounts import sealing
from api import database
from api.errors import Unauthenticated
from chatbots.finding import DRAFT, Live
from chatbots.protocol.limits import TOKEN_SECONDS

_ALGORITHM: Final = "HS256"
_VISITOR: Final = "visitor"
_PREVIEW: Final = "preview"
PREVIEW_SECONDS: Final = 600
CLOCKS_DIFFER: Final = 60
"""Seconds, between a customer's server and ours."""
CLAIMS: Final = ("name", "email", "plan")
"""Of a customer's token, besides `sub`: what a prompt can speak of."""
LONGEST: Final = 200
WRONG: Final = "This {} is wrong or has expired. Ask for a new one."


@dataclass(frozen=True, slots=True)
class Preview:
    """`of` says what is tried (see finding.tried), `talk` in which of its maker's conversations."""

    organisation_id: str
    chatbot_id: str
    user_id: str
    of: str = DRAFT
    talk: str = ""


def issue(live: Live, visitor_id: str) -> tuple[str, int]:
    """A visitor's token and when it expires, in seconds since 1970."""
    expires_at = int(time.time()) + TOKEN_SECONDS
    claims = {
        "aud": live.chatbot_id,
        "sub": visitor_id,
        "gen": live.token_generation,
        "exp": expires_at,
    }
    return jwt.encode(claims, _secret(_VISITOR), _ALGORITHM), expires_at


def read(live: Live, token: str) -> str | None:
    """The visitor's id; None for a token that is not good any more, or never was.

    That is no error: who brings it is a new visitor, and a browser must not be locked out by what
    it kept.
    """
    try:
        claims = _decoded(token, _secret(_VISITOR), live.chatbot_id)
    except jwt.InvalidTokenError:
        return None
    return str(claims["sub"]) if claims.get("gen") == live.token_generation else None


async def read_user_token(live: Live, token: str) -> Mapping[str, str]:
    """What the customer's server says of the person: `sub`, and perhaps `name`, `email`, `plan`.

    Signed with the chatbot's identity secret; `aud` is the chatbot's id, `exp` must be there, and
    `gen`, if it is, is the generation of the tokens. Raises Unauthenticated.
    """
    try:
        claims = _decoded(token, await _identity_secret(live), live.chatbot_id, CLOCKS_DIFFER)
    except jwt.InvalidTokenError:
        raise wrong("user_token") from None
    if claims.get("gen", live.token_generation) != live.token_generation:
        raise wrong("user_token")
    told = {name: claims[name] for name in ("sub", *CLAIMS) if isinstance(claims.get(name), str)}
    return {name: text[:LONGEST].replace("\0", "") for name, text in told.items()}


def preview(
    organisation_id: str, chatbot_id: str, user_id: str, of: str = DRAFT, talk: str = ""
) -> str:
    """For the dashboard's pages: the draft, or what `of` says, for this user, for ten minutes."""
    claims = {
        "aud": chatbot_id,
        "sub": user_id,
        "org": organisation_id,
        "of": of,
        "talk": talk,
        "exp": int(time.time()) + PREVIEW_SECONDS,
    }
    return jwt.encode(claims, _secret(_PREVIEW), _ALGORITHM)


def read_preview(token: str) -> Preview:
    """Raises Unauthenticated."""
    try:
        claims = _decoded(token, _secret(_PREVIEW), None)
    except jwt.InvalidTokenError:
        raise wrong("preview") from None
    return Preview(*(str(claims[name]) for name in ("org", "aud", "sub", "of", "talk")))


def _decoded(token: str, secret: bytes, audience: str | None, leeway: int = 0) -> dict[str, Any]:
    """Raises InvalidTokenError."""
    claims: dict[str, Any] = jwt.decode(
        token,
        secret,
        algorithms=[_ALGORITHM],
        audience=audience,
        leeway=leeway,
        options={"require": ["aud", "sub", "exp"], "verify_aud": audience is not None},
    )
    if not 0 < len(str(claims["sub"])) <= LONGEST:
        raise jwt.InvalidTokenError("sub")
    return claims


def wrong(param: str) -> Unauthenticated:
    return Unauthenticated(WRONG.format(param), param=f"session.{param}", code="invalid_key")


def _secret(purpose: str) -> bytes:
    """Each purpose has its own, so that no token passes for another."""
    return hashlib.sha256(f"chatbots.{purpose}.{settings.SECRET_KEY}".encode()).digest()


async def _identity_secret(live: Live) -> bytes:
    async with database.connection() as connection:
        found = await connection.execute(
            "SELECT identity_secret FROM chatbots_chatbot WHERE organisation_id = %s AND id = %s",
            (live.organisation_id, live.chatbot_id),
        )
        row = await found.fetchone()
    if row is None:
        raise wrong("user_token")
    return sealing.unseal(str(row[0])).encode()
