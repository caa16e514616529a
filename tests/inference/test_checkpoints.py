"""Every second one statement speaks for all live Runs: their leases and the tokens delivered."""

import asyncio
from collections.abc import Sequence

import pytest

from billing import ledger
from inference import runs
from inference.runs import checkpoints
from tests.inference.asgi import Tenant, until


async def test_one_renewal_a_round_carries_all_live_runs(
    ada: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[Sequence[ledger.Checkpoint]] = []
    real = ledger.renew

    async def renew(batch: Sequence[ledger.Checkpoint]) -> int:
        rounds.append(batch)
        return await real(batch)

    monkeypatch.setattr(ledger, "renew", renew)
    monkeypatch.setattr(checkpoints, "INTERVAL", 0.05)
    calls = [ada.call("#words=200 #pace=5", max_tokens=200) for _ in range(5)]
    await until(lambda: rounds and len([c for c in rounds[-1] if c.completion_tokens]) == 5)
    assert len({checkpoint.hold_id for checkpoint in rounds[-1]}) == 5
    assert all(c.prompt_tokens == 2 and c.completion_tokens < 200 for c in rounds[-1])
    await asyncio.gather(*(call.finished() for call in calls))
    await runs.drain()

    settled = len(rounds)
    await asyncio.sleep(0.15)
    assert len(rounds) == settled, "renewals go on with nothing to renew"


def test_the_interval_is_a_second() -> None:
    assert checkpoints.INTERVAL == 1
