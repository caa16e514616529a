"""The generating routes as one ASGI application; everything else on its paths is a JSON error."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from api.asgi import refuse
from api.errors import ApiError, MethodNotAllowed, NotFound
from api.request_ids import stamp
from inference.gateway.routes import ROUTES


@dataclass(frozen=True, slots=True)
class Gateway:
    routes: Sequence[BaseRoute]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for route in self.routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                await route.handle({**scope, **found}, receive, send)
                return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4404})
        else:
            await refuse(send, self._refusal(scope))

    def also(self, routes: Sequence[BaseRoute]) -> "Gateway":
        """With the routes of an app above."""
        return Gateway([*self.routes, *routes])

    def serves(self, scope: Scope) -> bool:
        """Is there a route for this path and method (or a websocket's)?"""
        return any(route.matches(scope)[0] is Match.FULL for route in self.routes)

    def methods(self, scope: Scope) -> set[str]:
        """What may be done at this path, as far as it is ours."""
        return {
            method
            for route in self.routes
            if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE
            for method in route.methods or ()
        }

    def _refusal(self, scope: Scope) -> ApiError:
        allowed = ", ".join(sorted(self.methods(scope)))
        if not allowed:
            return NotFound(f"There is nothing at {scope['path'][:200]}.")
        stamp(lambda: {"allow": allowed})
        return MethodNotAllowed(f"Use {allowed} here, not {scope['method']}.")


application = Gateway(ROUTES)
