"""One call whose texts are only read: begun, watched, answered."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Receive, Scope, Send

from accounts.idempotency import StoredAnswer
from api import request_ids, strict_json
from api.errors import ApiError
from billing.pricing import usd
from inference import reading
from inference.catalog import CatalogEntry
from inference.engines.texts import PARAM
from inference.gateway.admission import Admitted, admit
from inference.gateway.answers import send_given, send_stored
from inference.gateway.endpoint import Border
from inference.gateway.wire import to_json
from inference.reading import Order, Reading
from inference.schemas.embeddings import EmbeddingRequest
from inference.schemas.moderations import ModerationRequest
from inference.schemas.refusals import parse

Asked = EmbeddingRequest | ModerationRequest


class ReadingEndpoint(Border):
    """One route: `schema` reads its requests, `begin` chooses the model and says what to do."""

    schema: type[Asked]

    async def begin(self, asked: Any, admitted: Admitted) -> tuple[Order, Callable[..., bytes]]:
        """The order, and what makes the answer's body of a Reading."""
        raise NotImplementedError

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        admitted = await admit(scope, receive)
        asked = parse(self.schema, self._body(admitted.raw, scope["path_params"]))
        order, body = await self.begin(asked, admitted)
        call = reading.start(order, lambda done: StoredAnswer(200, _cost(done), body(done)))
        request_ids.on_abandon(call.abandon)
        watch = asyncio.create_task(_abandon_when_gone(receive, call))
        try:
            await call.finished()
        finally:
            watch.cancel()
        await self._send(send, call, asked)

    async def _send(self, send: Send, call: Reading, asked: Asked) -> None:
        if call.failure:
            raise _named(call.failure, asked)
        assert call.answer is not None  # noqa: S101 - without a failure there is one
        await (send_stored if call.replayed else send_given)(send, call.answer)

    def _body(self, raw: bytes, path: Mapping[str, str]) -> object:
        body = strict_json.loads(raw)
        if isinstance(body, dict) and "model" in path:
            body["model"] = path["model"]  # an Azure deployment
        return body


def order_of(admitted: Admitted, entry: CatalogEntry, **more: Any) -> Order:
    return Order(
        payer=admitted.caller,
        entry=entry,
        id=request_ids.current().replace("req_", "gen_", 1),
        request=admitted.request,
        idempotency=admitted.retry_key,
        **more,
    )


def usage(done: Reading) -> dict[str, Any]:
    return {"prompt_tokens": done.tokens, "total_tokens": done.tokens, "cost": usd(done.cost)}


def with_items(head: dict[str, Any], name: str, items: list[str]) -> bytes:
    """The object with a list of JSON texts as its last field. Whole lists of vectors as one value
    would keep every other thread waiting while they are written."""
    return f'{to_json(head)[:-1]},"{name}":[{",".join(items)}]}}'.encode()


def _cost(done: Reading) -> dict[str, str]:
    return {"x-request-cost": usd(done.cost)}


def _named(failure: ApiError, asked: Asked) -> ApiError:
    if asked.is_one and failure.param == f"{PARAM}[0]":
        failure.param = PARAM
    return failure


async def _abandon_when_gone(receive: Receive, call: Reading) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    call.abandon()
