"""POST /responses/input_tokens: how many tokens a response would be asked with. It is free."""

from starlette.types import Receive, Scope, Send

from api import asgi, request_ids
from inference.gateway.admission import admit
from inference.gateway.contexts import schemas
from inference.gateway.contexts.preparing import prepare
from inference.gateway.endpoint import Border


class CountTokens(Border):
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        admitted = await admit(scope, receive)
        asked = schemas.read(admitted.raw, schemas.InputTokensRequest)
        response_id = request_ids.current().replace("req_", "resp_", 1)
        ready = await prepare(asked, admitted, response_id)
        counted = {"object": "response.input_tokens", "input_tokens": ready.prompt_tokens}
        await asgi.answer(send, counted)
