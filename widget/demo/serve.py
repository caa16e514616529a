#!/usr/bin/env python3
"""A shop on an origin of its own that holds your chatbot's widget: `make widget-demo KEY=pk-…`."""

import argparse
import sys
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template

HERE = Path(__file__).resolve().parent
KINDS = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8"}
POLICY = (
    "default-src 'none'; script-src {server}; connect-src {socket}; style-src 'self'; "
    "img-src data:; require-trusted-types-for 'script'; trusted-types 'none'"
)


class Shop(BaseHTTPRequestHandler):
    """The files of this folder, with the server, chatbot and key written into them."""

    def __init__(self, values: dict[str, str], *given: object) -> None:
        self.values = values
        super().__init__(*given)  # type: ignore[arg-type]  # request, address and server

    def do_GET(self) -> None:  # the name that http.server asks for
        name = self.path.partition("?")[0].strip("/") or "index.html"
        file = HERE / name
        if file.parent != HERE or file.suffix not in KINDS or not file.is_file():
            self.send_error(404)
            return
        body = Template(file.read_text()).safe_substitute(self.values).encode()
        server = self.values["server"]
        socket = server.replace("http", "ws", 1)
        self.send_response(200)
        self.send_header("Content-Type", KINDS[file.suffix])
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY.format(server=server, socket=socket))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--server", default="http://127.0.0.1:8000", help="where Smarter runs")
    asked.add_argument("--bot", default="guide", help="the chatbot's name")
    asked.add_argument("--key", required=True, help="its publishable key, pk-…")
    asked.add_argument("--port", type=int, default=8001)
    given = asked.parse_args()
    values = {"server": given.server.rstrip("/"), "bot": given.bot, "key": given.key}
    shop = ThreadingHTTPServer(("127.0.0.1", given.port), partial(Shop, values))
    origin = f"http://127.0.0.1:{given.port}"
    sys.stdout.write(
        f"Open {origin}/ (bubble), {origin}/inline.html or {origin}/element.html\n"
        f"The chatbot's allowed origins must hold {origin}\n"
    )
    sys.stdout.flush()
    try:
        shop.serve_forever()
    except KeyboardInterrupt:
        shop.server_close()


if __name__ == "__main__":
    main()
