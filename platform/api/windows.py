"""What is asked of sliding windows that several processes share, and what they are like then."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """`amount` of what in any `seconds` may be at most `limit`."""

    name: str
    amount: int
    limit: int
    seconds: float


@dataclass(frozen=True, slots=True)
class State:
    """Of a window, after the wish: it fits in `wait` seconds (0: it was taken)."""

    used: int
    wait: float
    empty_in: float
