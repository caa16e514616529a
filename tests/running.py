"""The product as its user runs it: `manage.py up` as a process, and tenants that call it."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import openai
from openai.types.chat import ChatCompletion

from tests import first_data
from tests.clerk import Clerk

ROOT = Path(__file__).resolve().parents[1]
MANAGE = str(ROOT / "manage.py")
START_SECONDS = 120  # the first start makes a database; on a busy machine that takes a while


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(question: object, seconds: float, what: str) -> None:
    """Ask `question()` until it is true, rarer and rarer; fail with `what` after `seconds`."""
    assert callable(question)
    began = time.monotonic()
    while not question():
        passed = time.monotonic() - began
        assert passed < seconds, f"not within {seconds} s: {what}"
        time.sleep(min(max(0.05, passed / 40), 0.5))


@dataclass
class Server:
    """One `manage.py up` on a data folder of its own."""

    data: Path
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()
    copies: bool = True  # what another first start has made; without, it makes all of it anew
    engine: bool = True  # of the built-in model; a copy without it starts with half of the work
    process: subprocess.Popen[str] | None = None
    told: dict[str, str] = field(default_factory=dict)  # the line that --json printed
    _clerk: Clerk | None = None
    _hiring: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "SMARTER_DATA"}}
        return {**kept, "SMARTER_DATA": str(self.data)}

    def start(self) -> "Server":
        if self.copies and first_data.PLACE in os.environ and not self.data.exists():
            first_data.copy_to(self.data, _make_first, engine=self.engine)
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, MANAGE, "up", "--json", "--port", str(self.port), *self.options],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.data,  # from any folder
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.stop()
            raise AssertionError(f"up ended without a word:\n{self.log()[-3000:]}")
        self.told = json.loads(line)
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 60) -> int:
        assert self.process is not None
        self._dismiss()
        self.process.send_signal(how)
        code = self.process.wait(seconds)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def end(self) -> None:
        """Stop it, if a test has not."""
        self._dismiss()
        if self.process and self.process.poll() is None:
            self.stop()
        elif self.process and self.process.stdout:
            self.process.stdout.close()

    def _dismiss(self) -> None:
        if self._clerk is not None:
            self._clerk.dismiss()
            self._clerk = None

    def log(self) -> str:
        return (self.data / "up.log").read_text(errors="replace")

    def child(self, word: str) -> int:
        """The pid of the supervised child with `word` among its arguments."""
        assert self.process is not None
        found = [pid for pid, line in self.children().items() if word in line]
        assert found, f"no child with {word!r} in {self.children()}"
        return found[0]

    def children(self) -> dict[int, str]:
        """Every living descendant of `up`: pid → command line."""
        assert self.process is not None
        return descendants(self.process.pid)

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    def manage(self, *arguments: str) -> str:
        """Run a management command beside the running server; its output."""
        with self._hiring:
            self._clerk = self._clerk or Clerk(self.environment)
        code, said = self._clerk.run(arguments)
        assert code == 0, f"manage.py {arguments}: {said}"
        return said

    def tenant(self, name: str, **limits: object) -> "Tenant":
        """A new organisation: `tenant("Bees", credit="1.00", requests_per_minute=100)`."""
        options = [f"--{key.replace('_', '-')}={value}" for key, value in limits.items()]
        made = json.loads(self.manage("organisations", "create", name, "--json", *options))
        return Tenant(self.url, made["organisation"], made["api_key"])


_UNREAD = "from knowledge.models import StoreFile as f; print(f.objects.in_progress().count())"


def _make_first(data: Path) -> None:
    """The whole of a first start, with what the worker reads after it."""
    server = Server(data, copies=False).start()
    ask = ("shell", "--no-imports", "-c", _UNREAD)
    try:
        wait_until(lambda: server.manage(*ask).strip() == "0", START_SECONDS, "all is read")
    finally:
        server.stop()


def descendants(root: int) -> dict[int, str]:
    parents: dict[int, list[int]] = {}
    lines: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        if stat[0] == "Z":
            continue
        parents.setdefault(int(stat[1]), []).append(int(entry.name))
        lines[int(entry.name)] = line
    found, queue = {}, list(parents.get(root, []))
    while queue:
        pid = queue.pop()
        found[pid] = lines[pid]
        queue += parents.get(pid, [])
    return found


@dataclass(frozen=True)
class Tenant:
    """An organisation with its key, seen from outside."""

    url: str
    organisation: str
    api_key: str

    def client(self, **options: object) -> openai.OpenAI:
        known = {"api_key": self.api_key, "base_url": f"{self.url}/v1", **options}
        client = openai.OpenAI(**known)  # type: ignore[arg-type]  # options of the client's own
        atexit.register(client.close)  # held until then, so none is collected while it is open
        return client

    def async_client(self, **options: object) -> openai.AsyncOpenAI:
        known = {"api_key": self.api_key, "base_url": f"{self.url}/v1", **options}
        return openai.AsyncOpenAI(**known)  # type: ignore[arg-type]  # options of the client's own

    def http(self, **options: object) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.api_key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, **options)  # type: ignore[arg-type]  # as above

    def get(self, path: str) -> dict[str, object]:
        with self.http() as http:
            answer = http.get(path)
        assert answer.status_code == 200, answer.text
        body: dict[str, object] = answer.json()
        return body

    def balance_nano(self) -> int:
        """What can be spent now, in nano-dollars; asserts that nothing is held."""
        balance = self.get("/v1/balance")
        assert balance["held_nano"] == 0
        return int(str(balance["available_nano"]))

    def ask(self, text: str, model: str = "smarter-mini") -> str:
        answer = self.client().chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": text}],
            temperature=0,
            max_tokens=100,
        )
        return answer.choices[0].message.content or ""


def stated_cost(answer: ChatCompletion) -> str:
    """`usage.cost` of an answer: a decimal string in USD."""
    assert answer.usage is not None
    return str((answer.usage.model_extra or {})["cost"])


if __name__ == "__main__":
    first_data.made(_make_first)
