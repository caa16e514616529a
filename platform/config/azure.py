"""Azure's spelling of the API turned into ours: paths below /openai, and the `api-key` header."""

from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from inference.gateway.routes import DEPLOYMENTS

_ROOT: Final = "/openai"


@dataclass(frozen=True, slots=True)
class AzureSpelling:
    """Pure ASGI middleware: what follows it knows one spelling, so one authenticator serves both.

    `/openai/v1/…` is `/v1/…`, and so is `/openai/…` for what has no deployment (never a page: who
    guards /admin/ guards it all). A deployment's routes stand in the gateway: it names the model.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"} and scope["path"].startswith(f"{_ROOT}/"):
            scope = {**scope, "path": _path(scope["path"]), "headers": _headers(scope["headers"])}
        await self.app(scope, receive, send)


def _path(path: str) -> str:
    if path.startswith(f"{DEPLOYMENTS}/"):
        return path
    return "/v1" + path.removeprefix(_ROOT).removeprefix("/v1")


def _headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """`api-key` counts below /openai only, where Azure's clients know no other way.

    Proxies and logs blacken `Authorization` by themselves, and no other header: nobody shall learn
    to send keys in one that they write down. Where both are there, `Authorization` is meant; of two
    keys none is.
    """
    keys = [value for name, value in headers if name == b"api-key"]
    if len(keys) != 1 or any(name == b"authorization" for name, _ in headers):
        return headers
    return [*headers, (b"authorization", b"Bearer " + keys[0])]
