"""The pages' own code, executed against the running server, prints what the pages say."""

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from api.errors import ServerOverloaded
from tests import doc_blocks
from tests.doc_blocks import Block
from tests.running import Tenant


@doc_blocks.each("python run")
def test_the_python_of_the_docs_runs_as_shown(block: Block, ada: Tenant, tmp_path: Path) -> None:
    block.check(block.run(doc_blocks.PYTHON, ada, tmp_path))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@doc_blocks.each("bash run")
def test_the_curl_of_the_docs_runs_as_shown(block: Block, ada: Tenant, tmp_path: Path) -> None:
    block.check(block.run(doc_blocks.SHELL, ada, tmp_path))


class Overloaded(BaseHTTPRequestHandler):
    """Answers 503 to the first two calls, as this server does, and passes on what follows."""

    behind: str
    refusals: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if type(self).refusals:
            type(self).refusals -= 1
            error = ServerOverloaded("Too much work.", retry_after=0.05)
            answer = httpx.Response(error.status, json=error.body(), headers=error.headers())
        else:
            names = ("Authorization", "Content-Type")
            headers = {name: self.headers[name] for name in names}
            answer = httpx.post(self.behind + self.path, content=body, headers=headers)
        self.send_response(answer.status_code)
        for name in ("content-type", "content-length", "retry-after", "retry-after-ms"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its own."""


@pytest.fixture
def overloaded(ada: Tenant) -> Iterator[Tenant]:
    """Ada, whose server refuses two calls before it answers."""
    handler = type("Handler", (Overloaded,), {"behind": ada.url, "refusals": 2})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as front:
        threading.Thread(target=front.serve_forever, daemon=True).start()
        yield Tenant(f"http://127.0.0.1:{front.server_port}", ada.organisation, ada.api_key)
        front.shutdown()


RETRYING = [
    block for block in doc_blocks.blocks("python run")
    if block.page == "errors.md" and ("max_retries=5" in block.code or "patiently" in block.code)
]  # fmt: skip


@pytest.mark.parametrize("block", RETRYING, ids=str)
def test_the_retry_examples_outlast_an_overload(
    block: Block, overloaded: Tenant, tmp_path: Path
) -> None:
    printed = block.run(doc_blocks.PYTHON, overloaded, tmp_path)
    block.check(printed)
    if "patiently" in block.code:
        assert printed.count("again in 0.05 s") == 2


def test_both_retry_examples_are_found() -> None:
    assert len(RETRYING) == 2
