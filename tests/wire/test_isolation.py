"""Two organisations beside each other: neither sees, changes, or pays for what is the other's.

That a stranger's ids do not exist, and that this is seen when they do, is among the checks
(`checks/strangers.py`), which `test_checks.py` runs.
"""

from dataclasses import replace

from tests.patience import PATIENCE
from tests.running import wait_until
from tests.wire.checks.crowd import KINDS, crowd
from tests.wire.raw import Site


def test_streams_never_mix_and_each_organisation_pays_for_its_own(direct: Site) -> None:
    sides = [direct.of("ada"), direct.of("mallory")]
    before = [_spent(side) for side in sides]
    crowd(direct, size := 5 * len(KINDS) * len(sides))
    after = [_spent(side) for side in sides]
    requests = [late[0] - early[0] for early, late in zip(before, after, strict=True)]
    costs = [late[1] - early[1] for early, late in zip(before, after, strict=True)]
    assert requests == [size // 2, size // 2]
    assert costs[0] == costs[1] > 0  # both asked the same of everything


def test_streams_of_the_built_in_model_never_mix(direct: Site) -> None:
    """Rows of one batch, each with masks of its own."""
    crowd(replace(direct, model="smarter-mini"), 6)


def _spent(site: Site) -> tuple[int, int]:
    """Requests and nano-dollars of an organisation until now, when all of them are settled."""
    wait_until(lambda: site.get("/v1/balance").good["held_nano"] == 0, PATIENCE, "all is settled")
    lines = site.get("/v1/usage?group_by=model").good["data"]
    return sum(one["requests"] for one in lines), sum(one["cost_nano"] for one in lines)
