"""A step packs what keeps the pauses of running streams short, whatever a token takes here."""

import pytest

from inference.engines.local.pace import FEWEST, PAUSE_SECONDS, Pace
from tests.engines.small_models import Desk


def test_nobody_waits_so_everything_goes_at_once() -> None:
    pace = Pace(512)
    pace.note(512, 60.0)
    assert pace.tokens(somebody_waits=False) == 512


def test_before_anything_is_known_a_step_is_as_long_as_it_may_be() -> None:
    assert Pace(512).tokens(somebody_waits=True) == 512


@pytest.mark.parametrize(
    ("seconds", "tokens"), [(0.0001, 512), (0.001, 250), (0.002, 125), (0.1, FEWEST)]
)
def test_others_pause_for_about_the_same_time(seconds: float, tokens: int) -> None:
    pace = Pace(512)
    for _ in range(20):
        now = pace.tokens(somebody_waits=True)
        pace.note(now, now * seconds)
    assert pace.tokens(somebody_waits=True) == pytest.approx(tokens, abs=1)
    assert tokens in {512, FEWEST} or tokens * seconds == PAUSE_SECONDS


def test_a_hiccup_does_not_decide_for_long() -> None:
    pace = Pace(512)
    pace.note(512, 0.05)
    pace.note(512, 50.0)
    assert pace.tokens(somebody_waits=True) == FEWEST
    for _ in range(20):
        pace.note(FEWEST, 0.0001 * FEWEST)
    assert pace.tokens(somebody_waits=True) == 512


def test_a_slow_model_cuts_a_prompt_smaller_beside_a_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(step_tokens=512)
    desk.steps._pace.note(512, 512.0)
    running = desk.submit([1, 2, 3], max_tokens=40)
    desk.step()
    desk.submit([n % 150 for n in range(120)])
    desk.steps.admit(desk.waiting)
    assert desk.steps.step()[1] == FEWEST
    assert desk.told(running)
