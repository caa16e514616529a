"""GET /responses/{id}, whole or its events (again), and POST /responses/{id}/cancel."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from accounts import metering
from accounts.authentication import Caller
from api import asgi
from api.errors import InvalidRequest
from inference.event_log import Event
from inference.gateway.admission import known
from inference.gateway.endpoint import Border, while_there
from inference.gateway.responses.event_stream import send_events
from inference.responses import rows
from inference.responses.body import DONE
from inference.responses.following import follow
from inference.responses.recording import recording_of

TRUE: Final = frozenset({"true", "1"})
BOOLEANS: Final = TRUE | {"false", "0"}


class Retrieve(Border):
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        organisation_id = (await _admitted(scope)).organisation_id
        response_id = scope["path_params"]["response_id"]
        asked = _Asked(scope["query_string"])
        if not asked.stream:
            await asgi.answer(send, (await rows.find(organisation_id, response_id)).body)
            return
        events = follow(organisation_id, response_id, asked.starting_after)
        await while_there(receive, _tell(send, events))


class Cancel(Border):
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        organisation_id = (await _admitted(scope)).organisation_id
        response_id = scope["path_params"]["response_id"]
        row = await rows.find(organisation_id, response_id)
        if not row.background:
            raise InvalidRequest(
                "Only a response that was made with background: true can be cancelled.",
                param="response_id",
            )
        if row.status not in DONE:
            if recording := recording_of(organisation_id, response_id):
                await recording.cancelled()
            else:
                await rows.cancel(organisation_id, response_id)
            row = await rows.find(organisation_id, response_id)
        await asgi.answer(send, row.body)


async def _tell(send: Send, events: AsyncGenerator[Sequence[Event], None]) -> None:
    async with aclosing(events):
        await send_events(send, await anext(events), events, {})


async def _admitted(scope: Scope) -> Caller:
    """One request of the key's minute is taken. Raises what `known` raises, and RateLimited."""
    caller = await known(scope)
    await metering.atake_request(caller)
    return caller


class _Asked:
    """What stands behind the `?`. `include` and `include_obfuscation` change nothing here."""

    def __init__(self, query: bytes) -> None:
        self._values = parse_qs(query.decode("latin-1"), keep_blank_values=True)
        self.stream = self._boolean("stream")
        self._boolean("include_obfuscation")
        self.starting_after = self._number("starting_after")

    def _boolean(self, name: str) -> bool:
        value = self._values.get(name, ["false"])[-1].lower()
        if value not in BOOLEANS:
            raise InvalidRequest(f"Invalid '{name}': it should be true or false.", param=name)
        return value in TRUE

    def _number(self, name: str) -> int:
        value = self._values.get(name, ["-1"])[-1]
        if not re.fullmatch("-1|[0-9]{1,9}", value):
            raise InvalidRequest(f"Invalid '{name}': it should be a whole number.", param=name)
        return int(value)
