"""The built-in model answers prompts that its training text never contained."""

import pytest

from tests.inference.builtin import asking

# Just under the figures that the shipped weights reached; MODEL_CARD.md states them.
LEAST_RIGHT = {"sums": 39, "counting": 39, "capitals": 39, "repeating": 36, "lists": 39}


@pytest.mark.parametrize("group", LEAST_RIGHT)
def test_the_model_answers_a_group_of_held_out_prompts(group: str) -> None:
    asked = [each for each in asking.held_out() if each.group == group]
    answered = asking.answers([each.prompt for each in asked])
    wrong = [
        f"{each.prompt} => {answer}"
        for each, answer in zip(asked, answered, strict=True)
        if not asking.is_right(each, answer)
    ]
    assert len(asked) == 40
    assert len(asked) - len(wrong) >= LEAST_RIGHT[group], "\n".join(wrong)


def test_there_are_200_different_held_out_prompts() -> None:
    assert len({each.prompt for each in asking.held_out()}) == 200


@pytest.mark.parametrize(
    ("check", "expected", "answer"),
    [
        ("number", 15, "7 + 8 = 16."),
        ("numbers", 3, "1, 2, 3, 4."),
        ("says", "Oslo", "The capital of Norway is Rome."),
        ("exactly", "walrus", "walruss"),
        ("list", {"count": 2, "of": ["red", "blue"]}, '{"colors": ["red", "red"]}'),
        ("list", {"count": 2, "of": ["red", "blue"]}, '["red", "blu'),
    ],
)
def test_a_wrong_answer_is_judged_wrong(check: str, expected: asking.Expected, answer: str) -> None:
    assert not asking.is_right(asking.HeldOut("any", "any", check, expected), answer)
