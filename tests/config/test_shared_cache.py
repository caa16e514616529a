"""The cache is every process's by Redis; without Redis a process has its own, and no page fails."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.shared_cache import SharedCache
from tests import redis_server
from tests.redis_server import RedisServer

pytestmark = redis_server.needed


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server.running(tmp_path) as server:
        yield server
    SharedCache._rests_until = 0.0


def test_what_one_process_keeps_the_other_finds(redis: RedisServer) -> None:
    one, other = SharedCache(redis.url, {}), SharedCache(redis.url, {})
    assert one.add("lock", True, 5)
    assert not other.add("lock", True, 5)
    one.set("failures", 3, 60)
    assert other.incr("failures") == 4
    assert one.get("failures") == 4
    assert other.delete("failures")
    assert one.get("failures", "none") == "none"


def test_without_redis_each_counts_alone_and_shares_again_when_it_is_back(
    redis: RedisServer,
) -> None:
    one, other = SharedCache(redis.url, {}), SharedCache(redis.url, {})
    redis.stop()
    began = time.monotonic()
    for number in range(50):
        assert one.get(f"login:{number}", []) == []
        one.set(f"login:{number}", [1.0], 60)
        assert one.get(f"login:{number}") == [1.0]
    assert one.add("lock", True, 5)
    assert not one.add("lock", True, 5)
    assert time.monotonic() - began < 1.5
    redis.start()
    SharedCache._rests_until = 0.0  # as two seconds later
    one.set("failures", 1, 60)
    assert other.get("failures") == 1
