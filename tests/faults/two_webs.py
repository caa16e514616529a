"""Web processes beside each other on one site, and an engine apart from it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx

from tests.patience import PATIENCE
from tests.redis_server import RedisServer
from tests.running import MANAGE, Server, Tenant, free_port, wait_until

SECRET = "a long random text of both sides"
PRICED = ("--input-price", "1", "--output-price", "2")


@dataclass
class Pair:
    """`first` is the site's own web process, `other` a second one beside it."""

    site: Server
    other: Server
    redis: RedisServer

    def tenants(self, name: str, **limits: object) -> list[Tenant]:
        """One new organisation, as seen through each."""
        made = self.site.tenant(name, **limits)
        return [made, replace(made, url=self.other.url)]

    def told_of_redis(self) -> list[str]:
        """What each says of it. Both take calls, with it and without."""
        places = [f"{web.url}/health/ready" for web in (self.site, self.other)]
        answers = [httpx.get(place, timeout=PATIENCE) for place in places]
        assert [answer.status_code for answer in answers] == [200, 200], "both take calls"
        return [answer.json()["redis"] for answer in answers]

    @contextmanager
    def without_redis(self) -> Iterator[None]:
        """It is killed, until the end; then both processes have found it again."""
        self.redis.stop()
        try:
            yield
        finally:
            self.redis.start()
        wait_until(lambda: self.told_of_redis() == ["ok", "ok"], PATIENCE, "both have found it")


@contextmanager
def running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def started(site: Server, *command: str, **more: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, MANAGE, *command],
        env={**site.environment, **more},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving(site: Server, port: int | None = None, **environment: str) -> Iterator[Server]:
    """One more web process of the site."""
    beside = Server(site.data, port=port or free_port())
    with started(
        site, "serve", "--host", "127.0.0.1", "--port", str(beside.port), "--server", "uvicorn",
        **environment,
    ) as process:  # fmt: skip
        beside.process = process  # type: ignore[assignment]  # only its pid is asked for
        wait_until(beside.ready, 60, "the second web process answers")
        yield beside
