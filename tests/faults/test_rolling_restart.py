"""Behind the proxy of compose.yaml web processes restart one after the other, and no call fails."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import openai
import pytest

from tests import nginx, redis_server
from tests.faults.conftest import GENEROUS
from tests.faults.two_webs import Pair, serving
from tests.patience import PATIENCE
from tests.running import Server, Tenant, free_port, wait_until

pytestmark = [nginx.needed, redis_server.needed, pytest.mark.xdist_group("two_webs")]
CALLERS = 6
WORDS = 20


@dataclass
class Load:
    """Callers who begin the next call when the last one has ended, and never try twice."""

    tenant: Tenant
    over: threading.Event = field(default_factory=threading.Event)
    whole: int = 0
    failed: list[str] = field(default_factory=list)

    def call(self) -> None:
        client = self.tenant.client(max_retries=0)
        while not self.over.is_set():
            for ask in (_streamed, _plain):
                try:
                    said = ask(client)
                except openai.OpenAIError as error:
                    self.failed.append(repr(error))
                else:
                    self.whole += said == WORDS


def _streamed(client: openai.OpenAI) -> int:
    pieces = client.chat.completions.create(
        model="scripted", stream=True, messages=[{"role": "user", "content": "#words=20 #pace=20"}]
    )
    return sum(bool(piece.choices and piece.choices[0].delta.content) for piece in pieces)


def _plain(client: openai.OpenAI) -> int:
    answer = client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": "#words=20 please"}]
    )
    return len((answer.choices[0].message.content or "").split())


@contextmanager
def loaded(tenant: Tenant) -> Iterator[Load]:
    load = Load(tenant)
    callers = [threading.Thread(target=load.call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield load
    finally:
        load.over.set()
        for caller in callers:
            caller.join()


def test_each_of_two_restarts_under_load_and_no_call_fails(pair: Pair, tmp_path: Path) -> None:
    owner = pair.site.tenant("Rolling", credit="5.00", **GENEROUS)
    ports = [free_port(), free_port()]
    running = {port: _started(pair.site, port) for port in ports}
    try:
        with nginx.before(ports, tmp_path) as url, loaded(replace(owner, url=url)) as load:
            for port in ports:
                time.sleep(0.5)
                running[port].close()
                running[port] = _started(pair.site, port)
    finally:
        for web in running.values():
            web.close()
    assert load.failed == []
    assert load.whole > 2 * CALLERS
    wait_until(lambda: owner.get("/v1/balance")["held_nano"] == 0, PATIENCE, "no hold left")
    assert owner.balance_nano() == 5 * 10**9 - load.whole * (2 * 1_000 + WORDS * 2_000)


def _started(site: Server, port: int) -> ExitStack:
    """A web process that answers at `port`, until the stack is closed."""
    with ExitStack() as stack:
        stack.enter_context(serving(site, port))
        return stack.pop_all()
