"""Paths that are resources and generate as well: `Allow` names the methods of both."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def also_allowing(application: ASGIApp, methods: Iterable[str]) -> ASGIApp:
    """`application`, whose `Allow` headers list these methods besides its own."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [_widened(*header) for header in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        await application(scope, receive, send_on)

    def _widened(name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name.lower() != b"allow":
            return name, value
        own = value.decode("ascii").replace(" ", "").split(",")
        return name, ", ".join(sorted({*own, *methods})).encode("ascii")

    return answer
