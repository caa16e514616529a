"""Who calls, how often, with what body, for which model: asked of every generating call."""

import hashlib
from dataclasses import dataclass

from starlette.types import Receive, Scope

from accounts import authentication, idempotency, metering
from accounts.authentication import Caller, authenticate
from api import addresses, rate_limits, request_ids
from api.errors import ApiError, InvalidRequest, ModelNotAllowed
from inference import catalog
from inference.catalog import CatalogEntry
from inference.runs import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call whose key is good; one request of its minute is taken (None: it is a batch's)."""

    caller: Caller
    request: rate_limits.Reservation | None
    raw: bytes
    retry_key: IdempotencyKey | None

    def take_back(self) -> None:
        """It does not count: the call begins once more."""
        if self.request:
            self.request.cancel()


async def admit(scope: Scope, receive: Receive, raw: bytes | None = None) -> Admitted:
    """`raw` is the body, if it has been read. Raises Unauthenticated, Forbidden, RateLimited,
    DatabaseUnavailable."""
    caller = await known(scope)
    request = await metering.atake_request(caller)
    if raw is None:
        raw = await _body(receive)
    return Admitted(caller, request, raw, _retry_key(scope, raw))


async def admit_remembered(scope: Scope, receive: Receive) -> Admitted | None:
    """By what is remembered of the key: nothing that follows from it is told to anybody before
    `ledger.hold` has found it unchanged. None where that does not do: whoever is refused is refused
    by the key as it is now, and an Idempotency-Key may be answered without a hold."""
    if header(scope, idempotency.HEADER.encode()) is not None:
        return None
    try:
        address = addresses.of_scope(scope)
        caller = authentication.remembered(header(scope, b"authorization"), address)
        if caller is None:
            return None
        _may_generate(caller)
        request = await rate_limits.atake_request(caller.meter_id, caller.limits)
    except ApiError:
        return None
    return Admitted(caller, request, await _body(receive), None)


async def known(scope: Scope) -> Caller:
    """The caller, who may use inference. Takes nothing of the key's limits."""
    request_ids.forget_stamps()  # of a key as it was remembered
    caller = await authenticate(
        header(scope, b"authorization"), addresses.of_scope(scope), header(scope, b"user-agent")
    )
    _may_generate(caller)
    return caller


def _may_generate(caller: Caller) -> None:
    request_ids.stamp(lambda: {"openai-organization": caller.organisation_id})
    caller.require("inference")


async def model_for(name: str | None, caller: Caller, capability: str) -> CatalogEntry:
    """Raises ModelNotFound, ModelUnavailable, ModelNotAllowed, InvalidRequest."""
    entry = await catalog.find(name, caller.organisation_id, caller.default_model)
    if not entry.allowed_by(caller.allowed_models):
        raise ModelNotAllowed(
            f"This API key may not use the model `{entry.requested}`.", param="model"
        )
    if capability not in entry.capabilities:
        raise InvalidRequest(
            f"The model `{entry.requested}` does not serve this; "
            f"it can: {', '.join(entry.capabilities)}.",
            param="model",
            code="unsupported_model",
        )
    return entry


def header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None


def _retry_key(scope: Scope, raw: bytes) -> IdempotencyKey | None:
    """The Idempotency-Key, and what tells its request from any other."""
    key = header(scope, idempotency.HEADER.encode())
    if key is None:
        return None
    path = scope["path"].removeprefix("/v1")
    return IdempotencyKey(
        key, hashlib.sha256(f"{scope['method']} {path}\n".encode() + raw).digest()
    )


async def _body(receive: Receive) -> bytes:
    message = await receive()
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)
