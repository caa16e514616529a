"""Other people's sites: pages with a policy of their own, on an origin of their own."""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What docs/widget.md tells a strict site to allow, and nothing else.
STRICT = (
    "default-src 'none'; script-src {server}; connect-src {socket}; style-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
PAGE = """<!doctype html>
<html lang="{lang}" dir="{dir}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tarn two-person tent · Fernhill Outdoor</title>
<link rel="stylesheet" href="/page.css"></head>
<body><header><a href="#home">Fernhill Outdoor</a></header>
<main><h1>Tarn two-person tent</h1><p>A three-season tent for two people and two wet rucksacks.
Pitches outer first, so the inside stays dry in Cumbrian rain.</p></main>
{widget}</body></html>"""
# Rules that a widget without a shadow of its own would not survive.
CSS = """
body { max-width: 44rem; margin: 0 auto; padding: 1.5rem; font: 17px / 2.4 Georgia, serif;
  letter-spacing: 1px; text-transform: none; background: #fff; color: #22302a; }
main { padding-bottom: 40rem; }
chat-widget[mode="inline"] { height: 32rem; }
@media (prefers-color-scheme: dark) {
  body { background: #121417; color: #d9e0dc; }
  a { color: #8cc4a6; }
}
"""


class Site:
    """`pages`: path → (HTML, policy). `asked`: every path that was requested, in order."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, str]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name that http.server asks for
                if self.path == "/favicon.ico":  # the browser's own idea
                    self.answer(200, "image/x-icon", "", "")
                    return
                site.asked.append(self.path)
                self.answer(*site.find(self.path.partition("?")[0]))

            def answer(self, status: int, kind: str, policy: str, text: str) -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if policy:
                    self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """A test's output is its own."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def find(self, path: str) -> tuple[int, str, str, str]:
        if path == "/page.css":
            return 200, "text/css", "", CSS
        if path not in self.pages:
            return 404, "text/plain", "", ""
        html, policy = self.pages[path]
        return 200, "text/html; charset=utf-8", policy, html

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def page(
    server: str, options: Mapping[str, str], *, lang: str = "en", direction: str = "ltr"
) -> str:
    """A page with the snippet as its owner pasted it."""
    data = "".join(f' data-{name}="{value}"' for name, value in options.items())
    tag = f'<script src="{server}/widget/v1/chat.js" async{data}></script>'
    return PAGE.format(lang=lang, dir=direction, widget=tag)


def strict(server: str) -> str:
    return STRICT.format(server=server, socket=server.replace("http", "ws", 1))
