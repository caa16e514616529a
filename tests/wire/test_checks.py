"""The server keeps every rule of the wire, and each check of a rule can fail."""

from dataclasses import replace

import pytest

from tests.wire import registry
from tests.wire.mistakes.making import MISTAKES
from tests.wire.raw import Site
from tests.wire.registry import CHECKS, OF_ANY_MODEL

registry.fill()
PAIRS = [(name, check) for name, mistake in MISTAKES.items() for check in mistake.seen_by]


@pytest.mark.parametrize("rule", CHECKS)
def test_the_server_keeps_the_rule(site: Site, rule: str) -> None:
    CHECKS[rule](site)


@pytest.mark.parametrize("rule", OF_ANY_MODEL)
def test_the_built_in_model_keeps_the_rule(builtin: Site, rule: str) -> None:
    CHECKS[rule](builtin)


@pytest.mark.parametrize(("mistake", "rule"), PAIRS)
def test_a_planted_mistake_is_seen(site: Site, mistake: str, rule: str) -> None:
    """By what the check asserts, not by an accident in reading the answer."""
    with pytest.raises(AssertionError):
        CHECKS[rule](replace(site, mistake=mistake))


def test_every_check_is_proven_by_a_mistake() -> None:
    assert set(CHECKS) - {check for _mistake, check in PAIRS} == set()
