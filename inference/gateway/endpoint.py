"""One generating call, step by step: who, what, how often; then a Run, and its answer."""

import asyncio
import hashlib
import logging
from functools import partial
from typing import Final

from starlette.types import Receive, Scope, Send

from accounts import idempotency
from accounts.authentication import Caller, authenticate
from api import addresses, rate_limits, request_ids, strict_json
from api.asgi import refuse
from api.errors import ApiError, InternalError, InvalidRequest, MethodNotAllowed, ModelNotAllowed
from inference import catalog, runs
from inference.catalog import CatalogEntry
from inference.gateway import answers, streams
from inference.gateway.wire import Wire
from inference.runs import IdempotencyKey, Order, Reader
from inference.schemas.fields import GeneratingParams
from inference.schemas.refusals import parse

FAILED: Final = "The server failed on this request. Try again, or report its request id."
logger = logging.getLogger(__name__)


class Endpoint:
    """An ASGI application for one route: `schema` reads its requests, `wire` writes its answers."""

    def __init__(self, schema: type[GeneratingParams], wire: type[Wire]) -> None:
        self.schema = schema
        self.wire = wire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A border: whatever happens, the client gets our envelope."""
        try:
            await self._answer(scope, receive, send)
        except ApiError as error:
            await refuse(send, error)
        except Exception:
            logger.exception("call_failed")
            await refuse(send, InternalError(FAILED))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            request_ids.stamp(lambda: {"allow": "POST"})
            raise MethodNotAllowed(f"Use POST here, not {scope['method']}.")
        caller = await authenticate(_header(scope, b"authorization"), addresses.of_scope(scope))
        request_ids.stamp(lambda: {"openai-organization": caller.organisation_id})
        caller.require("inference")
        request = rate_limits.take_request(caller.meter_id, caller.limits)
        raw = await _body(receive)
        asked = parse(self.schema, strict_json.loads(raw))
        entry = await _model(asked, caller, self.wire.CAPABILITY)
        wire, order = self._order(asked, caller, entry, request, _retry_key(scope, raw))

        run = runs.start(order, partial(answers.keep, wire))
        reader = run.events()
        request_ids.on_abandon(reader.close)
        watch = asyncio.create_task(_close_when_gone(receive, reader))
        try:
            await (streams if asked.stream else answers).send_answer(send, run, reader, wire)
        finally:
            watch.cancel()

    def _order(
        self,
        asked: GeneratingParams,
        caller: Caller,
        entry: CatalogEntry,
        request: rate_limits.Reservation,
        retry_key: IdempotencyKey | None,
    ) -> tuple[Wire, Order]:
        suffix = request_ids.current().removeprefix("req_")
        generations = asked.generations(f"gen_{suffix}", entry.id, caller.organisation_id)
        choices = len(generations) * asked.choices_each
        wire = self.wire(suffix, entry.requested, choices, asked)
        order = Order(
            id=f"gen_{suffix}",
            caller=caller,
            request=request,
            entry=entry,
            generations=generations,
            output_limit=asked.output_limit,
            streamed=bool(asked.stream),
            idempotency=retry_key,
        )
        return wire, order


async def _model(asked: GeneratingParams, caller: Caller, capability: str) -> CatalogEntry:
    entry = await catalog.find(asked.model, caller.organisation_id, caller.default_model)
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


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None


def _retry_key(scope: Scope, raw: bytes) -> IdempotencyKey | None:
    """The Idempotency-Key, and what tells its request from any other."""
    key = _header(scope, idempotency.HEADER.encode())
    if key is None:
        return None
    path = scope["path"].removeprefix("/v1")
    return IdempotencyKey(key, hashlib.sha256(f"POST {path}\n".encode() + raw).digest())


async def _body(receive: Receive) -> bytes:
    message = await receive()
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def _close_when_gone(receive: Receive, reader: Reader) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.close()
