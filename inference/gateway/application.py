"""The generating routes as one ASGI application; everything else on its paths is a JSON error."""

from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from api.asgi import refuse
from api.errors import NotFound
from inference.gateway.routes import ROUTES


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    del receive
    await refuse(send, NotFound(f"There is nothing at {scope['path'][:200]}."))


application = Router(ROUTES, redirect_slashes=False, default=_unknown)
