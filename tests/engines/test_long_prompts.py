"""A long prompt is computed in pieces: nobody else waits for it, and it does not wait forever."""

from inference.engines.base import SamplingParams
from tests.engines.small_models import GREEDY, Desk

LONG = [n % 150 for n in range(110)]


def test_others_go_on_at_every_step_of_a_long_prompt() -> None:
    desk = Desk(step_tokens=20)
    running = desk.submit([1, 2, 3], max_tokens=40)
    desk.step()
    long = desk.submit(LONG)
    for _ in range(5):
        before = len(desk.told(running))
        desk.step()
        assert len(desk.told(running)) == before + 1
    assert not desk.told(long)
    desk.run()
    assert desk.tokens(long) == Desk(step_tokens=512).complete(LONG)


def test_a_short_prompt_overtakes_a_long_one() -> None:
    desk = Desk(step_tokens=20)
    long = desk.submit(LONG)
    desk.step()
    short = desk.submit([4, 5, 6])
    desk.step()
    assert desk.told(short)
    assert not desk.told(long)


def test_of_those_that_wait_the_shortest_goes_first() -> None:
    desk = Desk(step_tokens=20)
    desk.submit(LONG)
    second, third = desk.submit(LONG), desk.submit([4, 5, 6])
    desk.step()
    assert desk.told(third)
    assert not desk.told(second)


def test_short_prompts_without_end_do_not_starve_a_long_one() -> None:
    desk = Desk(step_tokens=20)
    long = desk.submit(LONG)
    for number in range(20):
        desk.submit([number] * 18, GREEDY, 1)
        desk.step()
    assert desk.told(long)


def test_a_step_is_no_longer_than_its_budget() -> None:
    desk = Desk(step_tokens=20)
    for number in range(8):
        desk.submit([number] * 30, SamplingParams(), 5)
    desk.steps.admit(desk.waiting)
    sizes = []
    while desk.steps.running:
        sizes.append(desk.steps.step()[1])
    assert max(sizes) <= 20 + 4  # a few more when decoding rows leave less than a smallest piece
    assert sum(sizes) == 8 * (30 + 4)


def test_a_short_prompt_goes_before_the_others_next_token() -> None:
    desk = Desk(step_tokens=512)
    running = desk.submit([1, 2, 3], max_tokens=40)
    desk.step()
    short = desk.submit([4, 5, 6])
    desk.step()
    assert (len(desk.told(short)), len(desk.told(running))) == (1, 1)
    desk.step()
    assert (len(desk.told(short)), len(desk.told(running))) == (2, 2)


def test_short_prompts_without_end_leave_every_other_step_to_the_others() -> None:
    desk = Desk(step_tokens=512)
    running = desk.submit([1, 2, 3], max_tokens=40)
    desk.step()
    for number in range(10):
        desk.submit([number] * 8, GREEDY, 1)
        desk.step()
    assert len(desk.told(running)) == 1 + 5


def test_prompts_that_wait_for_each_other_share_small_steps() -> None:
    desk = Desk(step_tokens=512)
    for number in range(4):
        desk.submit([number] * 100)
    desk.steps.admit(desk.waiting)
    assert desk.steps.step()[1] == desk.steps._options.shared
