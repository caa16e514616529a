"""Counting and adding."""

from random import Random

from inference.builtin.corpus import reserved
from inference.builtin.corpus.exchange import Exchange, chance

_NUMERALS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
NUMERALS = tuple(_NUMERALS.split())

COUNT_TO = (
    "Count to {n}", "Count to {n}.", "Count to {n}!", "count to {n}", "Count to {n} please.",
    "Please count to {n}.", "Can you count to {n}?", "Count up to {n}.", "Count from 1 to {n}.",
    "Count from one to {n}.", "Write the numbers from 1 to {n}.", "List the numbers 1 to {n}.",
    "Show me how you count to {n}.", "Numbers from 1 to {n}, please.", "Hey, count to {n}.",
    "I would like you to count to {n}.", "Start at 1 and count to {n}.", "Count 1 to {n}.",
    "Do you count to {n}?", "1 to {n}, please.", "Print the numbers 1 through {n}.",
    "Give me all numbers up to {n}.", "Say the numbers 1 to {n}.", "Count until {n}.",
    "Tell me the numbers from 1 to {n}.", "From 1 to {n}!", "Would you count to {n} for us?",
    "Could you please count up to {n}?", "Can you count to {n} for her?",
    "Could you count 1 to {n}?",
)  # fmt: skip
COUNT_FROM = (
    "Count from {m} to {n}.", "Count from {m} to {n}", "Please count from {m} to {n}.",
    "Write the numbers from {m} to {n}.", "List the numbers {m} to {n}.",
    "Start at {m} and count to {n}.",
)  # fmt: skip
COUNT_DOWN = ("Count down from {n}.", "Count backwards from {n}.", "Count down from {n} to 1.")

ADD = (
    "What is {a} + {b}?", "What is {a} + {b}?", "What is {a} plus {b}?", "What's {a} + {b}?",
    "{a} + {b}", "{a} + {b} = ?", "{a}+{b}", "{a}+{b}=?", "{a} plus {b}?", "How much is {a} + {b}?",
    "How much is {a} plus {b}?", "Add {a} and {b}.", "Calculate {a} + {b}.", "Compute {a} + {b}.",
    "What is the sum of {a} and {b}?", "Please add {a} and {b}.", "Tell me {a} + {b}.",
    "what is {a} + {b}", "Can you add {a} and {b}?", "Sum of {a} and {b}?", "{a} and {b} is?",
    "If I have {a} apples and get {b} more, how many do I have?", "Total of {a} and {b}?",
    "Let me know {a} + {b}.", "Evaluate {a} + {b}.", "Solve {a} + {b}.", "{a} added to {b}?",
    "The sum of {a} and {b}?", "I need {a} + {b}.", "Add up {a} and {b}.", "Find {a} + {b}.",
    "What does {a} + {b} make?", "Say what {a} + {b} is.", "How much do {a} and {b} make?",
)  # fmt: skip
SUBTRACT = ("What is {a} - {b}?", "What is {a} minus {b}?", "{a} - {b}", "How much is {a} - {b}?")

_LARGEST_TERM, _LARGEST_COUNT = 20, 40


def counting(rng: Random) -> Exchange:
    """Up from one (mostly), up from anywhere, or down to one."""
    kind = rng.random()
    bounds = (0.68, 0.9)
    if kind < bounds[0]:
        last = _count_end(rng)
        spoken = rng.choice((str(last), str(last), str(last), _spoken(last)))
        return _counted(rng.choice(COUNT_TO).format(n=spoken), range(1, last + 1))
    if kind < bounds[1]:
        first = rng.randint(2, 30)
        last = first + rng.randint(1, 15)
        return _counted(rng.choice(COUNT_FROM).format(m=first, n=last), range(first, last + 1))
    top = rng.randint(3, 20)
    return _counted(rng.choice(COUNT_DOWN).format(n=top), range(top, 0, -1))


def _count_end(rng: Random) -> int:
    while True:
        last = rng.randint(2, 12) if chance(rng, 0.3) else rng.randint(2, _LARGEST_COUNT)
        if reserved.allows_count(1, last):
            return last


def _spoken(number: int) -> str:
    return NUMERALS[number] if number < len(NUMERALS) else str(number)


def _counted(question: str, numbers: range) -> Exchange:
    listed = ", ".join(map(str, numbers)) + "."
    return Exchange(question, listed, {"numbers": list(numbers)})


def adding(rng: Random) -> Exchange:
    """Sums to 20 + 20, some larger ones (they teach the carry), and a few differences."""
    if chance(rng, 0.1):
        return _difference(rng)
    return _sum(rng, _LARGEST_TERM if chance(rng, 0.6) else 79)


def drill(rng: Random) -> Exchange:
    """What is learned last: sums that carry, and where to stop counting."""
    if chance(rng, 0.6):
        return _sum(rng, rng.choice((_LARGEST_TERM, _LARGEST_TERM, 39)))
    if chance(rng, 0.3):
        return counting(rng)
    last = rng.randint(3, _LARGEST_COUNT)
    first = max(2, last - rng.randint(1, 5))
    return _counted(rng.choice(COUNT_FROM).format(m=first, n=last), range(first, last + 1))


def _sum(rng: Random, largest: int) -> Exchange:
    while True:
        left, right = rng.randint(0, largest), rng.randint(0, largest)
        if reserved.allows_sum(left, right):
            break
    asked = rng.choice(ADD).format(a=left, b=right)
    return Exchange(asked, f"{left} + {right} = {left + right}.", {"result": left + right})


def _difference(rng: Random) -> Exchange:
    left = rng.randint(0, _LARGEST_TERM)
    right = rng.randint(0, left)
    asked = rng.choice(SUBTRACT).format(a=left, b=right)
    return Exchange(asked, f"{left} - {right} = {left - right}.", {"result": left - right})
