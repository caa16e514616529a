"""What every call passes before any framework sees it: trusted proxies, hosts, HTTPS, headers."""

from collections.abc import Awaitable
from dataclasses import dataclass
from functools import lru_cache

from django.http.request import split_domain_port, validate_host
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import addresses, health
from api.asgi import refuse
from api.errors import ApiError, InvalidRequest, Unauthenticated

METRICS = "/metrics"
WRONG_HOST = "This server does not answer for the host in this request. Check ALLOWED_HOSTS."
TWO_KEYS = "Send one Authorization header."
PACKED = "Send the body as it is: this server reads no Content-Encoding."
PLAIN_HTTP = "Use https://. A key in this request has crossed the network in clear: revoke it."

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# The administration's pages run Alpine expressions and inline scripts of their own.
_ADMIN_POLICY = _CONTENT_POLICY.replace(
    "script-src 'self'", "script-src 'self' 'unsafe-inline' 'unsafe-eval'"
)


def _kept(scope: Scope) -> str:
    """A static file whose address names its content (`?v=`) never changes."""
    if scope["query_string"].startswith(b"v="):
        return "public, max-age=31536000, immutable"
    return "public, max-age=3600"


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


@lru_cache(maxsize=128)
def _is_ours(host: bytes, allowed: tuple[str, ...]) -> bool:
    domain, _port = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, allowed)


@dataclass(frozen=True, slots=True)
class Edge:
    """Pure ASGI middleware. `https_only` refuses plain HTTP (an error, never a redirect)."""

    app: ASGIApp
    allowed_hosts: list[str]
    trusted_proxies: list[str]
    https_only: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        scope = {**scope, "scheme": self._scheme(scope)}

        def with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                # Django capitalises their names, ASGI asks for lower case.
                raw = [(bytes(name).lower(), value) for name, value in message.get("headers", ())]
                self._add_headers(scope, MutableHeaders(raw=raw))
                message = {**message, "headers": raw}
            return send(message)

        problem = self._problem(scope)
        if problem is None:
            await self.app(scope, receive, with_headers)
        elif scope["type"] == "http":
            await refuse(with_headers, problem)
        else:
            await send({"type": "websocket.close", "code": 4403})

    def _scheme(self, scope: Scope) -> str:
        """What the client spoke, when a trusted proxy says so; else what reached us."""
        plain = "ws" if scope["type"] == "websocket" else "http"
        said = next(iter(_values(scope, b"x-forwarded-proto")), b"")
        peer = scope.get("client")
        believed = said and peer and addresses.within(peer[0], self.trusted_proxies)
        if not believed:
            return str(scope.get("scheme", plain))  # Daphne's sockets say nothing
        return f"{plain}s" if said == b"https" else plain

    def _problem(self, scope: Scope) -> ApiError | None:
        if scope["path"] in {*health.PATHS, METRICS}:
            return None  # asked by machines: by address, in clear
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or not _is_ours(hosts[0], tuple(self.allowed_hosts)):
            return InvalidRequest(WRONG_HOST, code="wrong_host")
        if self.https_only and scope["scheme"] in {"http", "ws"}:
            return InvalidRequest(PLAIN_HTTP, code="https_required")
        if len(_values(scope, b"authorization")) > 1:
            return Unauthenticated(TWO_KEYS)  # which of them is meant, frameworks disagree
        if set(_values(scope, b"content-encoding")) - {b"identity"}:
            return InvalidRequest(PACKED, code="unsupported_encoding")
        return None

    def _add_headers(self, scope: Scope, headers: MutableHeaders) -> None:
        headers.setdefault("x-content-type-options", "nosniff")
        headers.setdefault("referrer-policy", "same-origin")
        if self.https_only:
            headers.setdefault("strict-transport-security", "max-age=31536000")
        if scope["path"].startswith("/static/"):
            headers.setdefault("cache-control", _kept(scope))
        if headers.get("content-type", "").startswith("text/html"):
            of_admin = scope["path"].startswith("/admin/")
            headers.setdefault(
                "content-security-policy", _ADMIN_POLICY if of_admin else _CONTENT_POLICY
            )
            headers.setdefault("x-frame-options", "DENY")
            headers.setdefault("cross-origin-opener-policy", "same-origin")
