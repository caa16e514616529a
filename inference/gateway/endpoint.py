"""One generating call, step by step: who, what, how often; then a Run, and its answer."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from api import request_ids, strict_json
from api.asgi import refuse
from api.errors import ApiError, DatabaseUnavailable, InternalError
from inference import personas, runs
from inference.catalog import CatalogEntry
from inference.gateway import answers, storing, streams
from inference.gateway.admission import Admitted, admit, admit_remembered, known, model_for
from inference.gateway.wire import Wire
from inference.runs import Order, Reader, Record, Run
from inference.schemas.fields import GeneratingParams
from inference.schemas.refusals import parse

FAILED: Final = "The server failed on this request. Try again, or report its request id."
logger = logging.getLogger(__name__)


class _NotProvenError(Exception):
    """Refused before a hold has found the key as it was remembered: the key is to be asked for."""


class Border:
    """An ASGI application: whatever happens, the client gets our envelope."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.answer(scope, receive, send)
        except ApiError as error:
            await refuse(send, error)
        except Exception:
            logger.exception("call_failed")
            await refuse(send, InternalError(FAILED))

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError


class Endpoint(Border):
    """One route: `schema` reads its requests, `wire` writes its answers."""

    def __init__(self, schema: type[GeneratingParams], wire: type[Wire]) -> None:
        self.schema = schema
        self.wire = wire

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = None
        if remembered := await admit_remembered(scope, receive):
            try:
                await self._answer(remembered, scope, receive, send)
            except _NotProvenError:
                raw = remembered.raw
                remembered.take_back()
            else:
                return
        await self._answer(await admit(scope, receive, raw), scope, receive, send)

    async def _answer(self, admitted: Admitted, scope: Scope, receive: Receive, send: Send) -> None:
        run: Run | None = None
        try:
            asked = self._asked(admitted.raw, scope["path_params"])
            suffix = request_ids.current().removeprefix("req_")
            wire, order, record = await self.ordered(asked, admitted, suffix)
            run = runs.start(order, partial(answers.keep, wire), record)
            await _told(asked, run, wire, receive, send)
        except ApiError as refusal:
            if admitted.caller.proof is None or (run and run.hold):
                raise
            if isinstance(refusal, DatabaseUnavailable) or await _is_as_remembered(admitted, scope):
                raise
            raise _NotProvenError from refusal

    def _asked(self, raw: bytes, path: Mapping[str, str]) -> GeneratingParams:
        body = strict_json.loads(raw)
        if isinstance(body, dict) and "model" in path:
            body["model"] = path["model"]  # an Azure deployment, which wins there, too
        return parse(self.schema, body)

    async def ordered(
        self, asked: GeneratingParams, admitted: Admitted, suffix: str
    ) -> tuple[Wire, Order, Record | None]:
        """What `runs.start` needs; ids of hold and answer end with `suffix`. Raises ApiError."""
        if admitted.caller.proof and personas.is_one(asked.model):
            raise _NotProvenError  # it may spend and tell before there is a hold
        capability = self.wire.CAPABILITY
        persona = await personas.find(asked.model, admitted.caller, capability)
        if persona is None:
            entry = await model_for(asked.model, admitted.caller, capability)
            return self._order(asked, admitted, entry, suffix)
        wire, order, record = self._order(asked, admitted, persona.entry, suffix)
        order, wire.annotate = await persona.dressed(order, asked.model_fields_set)
        return wire, order, record

    def _order(
        self, asked: GeneratingParams, admitted: Admitted, entry: CatalogEntry, suffix: str
    ) -> tuple[Wire, Order, Record | None]:
        caller = admitted.caller
        generations = asked.generations(f"gen_{suffix}", entry.id, caller.organisation_id)
        choices = len(generations) * asked.choices_each
        wire = self.wire(suffix, entry.requested, choices, asked)
        record = storing.record(caller.organisation_id, asked, wire)
        order = Order(
            id=f"gen_{suffix}",
            caller=caller,
            request=admitted.request,
            entry=entry,
            generations=generations,
            output_limit=asked.output_limit,
            streamed=bool(asked.stream),
            idempotency=admitted.retry_key,
            stored=record is not None,
        )
        return wire, order, record


async def _is_as_remembered(admitted: Admitted, scope: Scope) -> bool:
    """Then the call is refused for what its key is now. Raises what `known` raises."""
    return await known(scope) == replace(admitted.caller, proof=None)


async def _told(
    asked: GeneratingParams, run: Run, wire: Wire, receive: Receive, send: Send
) -> None:
    reader = run.events()
    request_ids.on_abandon(reader.close)
    for _ in range(2):  # the Run's first step and its hold's go before all that can wait
        await asyncio.sleep(0)
    watch = asyncio.create_task(close_when_gone(receive, reader))
    try:
        await (streams if asked.stream else answers).send_answer(send, run, reader, wire)
    finally:
        watch.cancel()


async def while_there(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do this, but no longer than the client stays."""
    doing = asyncio.create_task(work)
    watch = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait([doing, watch], return_when=asyncio.FIRST_COMPLETED)
    finally:
        watch.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.wait([doing])
    if not doing.cancelled():
        doing.result()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def close_when_gone(receive: Receive, reader: Reader) -> None:
    """Close the reader when its client has left."""
    await _gone(receive)
    reader.close()
