"""Who may open a session: the key, the page's origin, the visitor's or the person's token."""

import hashlib
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace

from starlette.datastructures import Headers
from starlette.types import Scope

from accounts import key_material, last_use, standing
from accounts.authentication import authenticate
from accounts.standing import Member
from api import addresses, database, ids
from api.errors import ChatbotUnavailable, Forbidden, NotFound, Unauthenticated
from chatbots import conversing, finding, origins, visitor_tokens
from chatbots.conversing import Speaker
from chatbots.finding import Live
from chatbots.protocol.client import Introduction
from chatbots.visitor_tokens import Preview

WRONG_KEY = "Incorrect key: it is wrong, expired or revoked. Copy it from the chatbot's page."
UNKNOWN = "There is no such chatbot here, or it is paused."
NOT_ALLOWED = "The chatbot may not be used on {}. Its owner adds the origin to those allowed."
KEY_ON_PAGE = "A page must not hold a secret key. Use the chatbot's publishable key (pk-...)."
PERSON_NEEDED = "This chatbot answers signed-in people only. Send a user_token."
KEYS_ONLY = "This chatbot is private: it answers secret keys only."
MAKING = "chatbots:write"
"""What trying a draft takes: it costs money."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the handshake says."""

    name: str
    origin: str | None
    own_origin: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Guest:
    """`preview` is what a member tries, for as long as they may."""

    live: Live
    speaker: Speaker
    preview: Preview | None = None

    @property
    def maker(self) -> Member | None:
        if self.preview is None:
            return None
        return Member(self.preview.organisation_id, self.preview.user_id)


def unknown() -> ChatbotUnavailable:
    return ChatbotUnavailable(UNKNOWN)


def call_of(scope: Scope, name: str) -> Call:
    headers = Headers(scope=scope)
    scheme = "https" if scope.get("scheme") == "wss" else "http"
    return Call(
        name=name,
        origin=headers.get("origin"),
        own_origin=f"{scheme}://{headers.get('host', '')}",
        address=addresses.of_scope(scope),
    )


async def admitted(asked: Introduction, call: Call) -> Guest:
    """Raises Unauthenticated, Forbidden (origin_not_allowed), ChatbotUnavailable."""
    if asked.preview:
        return await _maker(asked, asked.preview, call)
    key = asked.key or ""
    if key.startswith(key_material.SECRET):
        return await _key_holder(asked, key, call)
    live = await finding.live(key)
    if live is None:
        raise Unauthenticated(WRONG_KEY, param="session.key", code="invalid_key")
    guest = await _visitor(asked, live, call)
    if last_use.is_due(live.key_id):  # on which site; the visitor's own address is nobody's affair
        database.later(last_use.write(live.key_id, None, call.origin))
    return guest


async def still_admitted(guest: Guest, call: Call) -> Live:
    """The chatbot as it is now. Raises what `admitted` raises."""
    live, speaker = guest.live, guest.speaker
    if guest.preview:
        return await _tried(guest.preview, live.name)
    live = await _found(finding.by_name(live.organisation_id, live.name))
    if speaker.visitor_id:
        _require_welcome(live, call)
    return live


def _require_welcome(live: Live, call: Call) -> None:
    """May a page like this one talk to the chatbot?"""
    if not live.is_called(call.name) or not live.answers:
        raise unknown()
    if not _fits(live, call):
        raise Forbidden(
            NOT_ALLOWED.format(call.origin or "a page without an origin"),
            code="origin_not_allowed",
        )
    if live.configuration.access == "private":
        raise Unauthenticated(KEYS_ONLY, param="session.key", code="invalid_key")


async def _visitor(asked: Introduction, live: Live, call: Call) -> Guest:
    _note(asked, live, call)
    _require_welcome(live, call)
    claims = await _claims(asked, live)
    known = visitor_tokens.read(live, asked.visitor_token) if asked.visitor_token else None
    if claims:
        visitor_id = await conversing.visitor_of(live, claims["sub"], claims)
    else:
        visitor_id = known or ids.new("vis")
    return Guest(live, _speaker(asked, live, call, visitor_id, claims))


def _fits(live: Live, call: Call) -> bool:
    return origins.allowed(live.configuration, call.origin, call.own_origin)


def _note(asked: Introduction, live: Live, call: Call) -> None:
    """For the owner's list of sites; nobody waits for it."""
    if call.origin:
        refused = not _fits(live, call)
        database.later(conversing.seen(live, call.origin, asked.client or "", refused))


async def _claims(asked: Introduction, live: Live) -> Mapping[str, str]:
    if asked.user_token:
        return await visitor_tokens.read_user_token(live, asked.user_token)
    if live.configuration.access == "signed":
        raise Unauthenticated(PERSON_NEEDED, param="session.user_token", code="invalid_key")
    return {}


async def _maker(asked: Introduction, token: str, call: Call) -> Guest:
    """Somebody of the dashboard, who tries what is not what visitors meet, or not yet."""
    preview = visitor_tokens.read_preview(token)
    if origins.parsed(call.origin or "") != origins.parsed(call.own_origin):
        raise Forbidden(NOT_ALLOWED.format(call.origin), code="origin_not_allowed")
    maker = Member(preview.organisation_id, preview.user_id)
    if maker not in await standing.still_may(MAKING, {maker}):
        raise visitor_tokens.wrong("preview")
    live = await _tried(preview, call.name)
    if live.chatbot_id != preview.chatbot_id:
        raise unknown()
    named = f"preview {live.chatbot_id} {preview.user_id} {preview.talk}".encode()
    visitor_id = f"vis_{hashlib.sha256(named).hexdigest()[:32]}"
    speaker = _speaker(asked, live, call, visitor_id, {})
    return Guest(live, replace(speaker, preview=True), preview)


async def _tried(preview: Preview, name: str) -> Live:
    return await _found(finding.tried(preview.organisation_id, name, preview.of))


async def _key_holder(asked: Introduction, key: str, call: Call) -> Guest:
    """A program with a secret key, as on REST."""
    if call.origin is not None:
        raise Unauthenticated(KEY_ON_PAGE, param="session.key", code="invalid_key")
    caller = await authenticate(f"Bearer {key}", call.address)
    caller.require("inference")
    live = await _found(finding.by_name(caller.organisation_id, call.name))
    if not live.answers:
        raise unknown()
    speaker = _speaker(asked, live, call, None, {})
    return Guest(live, replace(speaker, key_id=caller.key_id, caller=caller))


async def _found(search: Awaitable[Live]) -> Live:
    try:
        return await search
    except NotFound:
        raise unknown() from None


def _speaker(
    asked: Introduction,
    live: Live,
    call: Call,
    visitor_id: str | None,
    claims: Mapping[str, str],
) -> Speaker:
    page = asked.page.model_dump(exclude_none=True) if asked.page else {}
    return Speaker(
        organisation_id=live.organisation_id,
        key_id=live.key_id,
        visitor_id=visitor_id,
        address=call.address,
        origin=call.origin,
        locale=asked.locale,
        page=page,
        claims=claims,
    )
