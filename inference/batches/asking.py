"""From a line of a batch to what answers it: the same schemas and shapes as a live call."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol, cast

from accounts.authentication import Caller
from accounts.idempotency import StoredAnswer
from api import database, strict_json
from api.errors import ApiError, InvalidRequest
from inference import reading, responses, runs
from inference.batches import lines
from inference.batches.lines import TakenLine
from inference.gateway import answers
from inference.gateway.admission import Admitted
from inference.gateway.chat_completions import ChatWire
from inference.gateway.completions import CompletionWire
from inference.gateway.embeddings import Embeddings
from inference.gateway.endpoint import Endpoint
from inference.reading import Reading
from inference.responses import ResponseRun
from inference.responses.prompting import in_our_words
from inference.runs import BATCH, Order
from inference.schemas.chat_completions import ChatCompletionRequest
from inference.schemas.completions import CompletionRequest
from inference.schemas.embeddings import EmbeddingRequest
from inference.schemas.refusals import parse

EMBEDDINGS: Final = "/v1/embeddings"
RESPONSES: Final = "/v1/responses"
ENDPOINTS: Final = {
    "/v1/chat/completions": Endpoint(ChatCompletionRequest, ChatWire),
    "/v1/completions": Endpoint(CompletionRequest, CompletionWire),
}


class Call(Protocol):
    """A Run, or a Reading: over when `task` is, then `failure` says what went wrong."""

    @property
    def task(self) -> "asyncio.Task[None]": ...
    @property
    def failure(self) -> ApiError | None: ...
    def cut(self, failure: ApiError) -> None: ...


@dataclass(frozen=True, slots=True)
class Ready:
    """A request that is right; `start` runs it in `choices` places of the model's batch."""

    model: str
    choices: int
    start: Callable[[], Call]


async def ready(endpoint: str, line: TakenLine, caller: Caller) -> Ready:
    """Raises ApiError: what a live call would be refused with before it is paid."""
    admitted = Admitted(caller, None, b"", None)
    body = strict_json.loads(line.body.encode())
    if endpoint == RESPONSES:
        return await _response(body, admitted, line)
    if endpoint == EMBEDDINGS:
        return await _embedding(body, admitted, line)
    return await _completion(ENDPOINTS[endpoint], body, admitted, line)


def refusal(endpoint: str, failure: ApiError) -> str:
    """The body of the error as this endpoint would say it."""
    said = in_our_words(failure) if endpoint == RESPONSES else failure
    return json.dumps(said.body(), ensure_ascii=False)


async def _completion(
    endpoint: Endpoint, body: object, admitted: Admitted, line: TakenLine
) -> Ready:
    asked = parse(endpoint.schema, body)
    _require_whole(asked, "stream")
    wire, order, record = await endpoint.ordered(asked, admitted, line.suffix)
    start = partial(runs.start, _in_batch(order, line), partial(answers.keep, wire), record)
    return Ready(order.entry.id, order.choices, start)


async def _response(body: object, admitted: Admitted, line: TakenLine) -> Ready:
    asked = responses.parse_request(body)
    _require_whole(asked, "stream", "background")
    draft, order = await responses.drafted(asked, admitted, f"resp_{line.suffix}")
    order = _in_batch(order, line)
    return Ready(order.entry.id, order.choices, lambda: ResponseRun(draft, order).run)


async def _embedding(body: object, admitted: Admitted, line: TakenLine) -> Ready:
    order, body_of = await Embeddings().begin(parse(EmbeddingRequest, body), admitted)

    async def finish(done: Reading, connection: database.Connection) -> None:
        await lines.finish(line.id, line.hold_id, cast("StoredAnswer", done.answer), connection)

    order = replace(order, id=line.hold_id, tier=BATCH, finish=finish)
    write = partial(_written, body_of)
    return Ready(order.entry.id, 1, partial(reading.start, order, write))


def _written(body_of: Callable[[Reading], bytes], done: Reading) -> StoredAnswer:
    return StoredAnswer(200, {}, body_of(done))


def _in_batch(order: Order, line: TakenLine) -> Order:
    return replace(order, tier=BATCH, finish=partial(lines.finish, line.id))


def _require_whole(asked: Any, *fields: str) -> None:
    for name in fields:
        if getattr(asked, name):
            raise InvalidRequest(
                f"'{name}' means nothing in a batch: leave it out.",
                param=name,
                code="unsupported_parameter",
            )
