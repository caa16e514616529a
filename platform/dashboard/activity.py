"""What was used in the last days, day by day, beside the days before; the API's own sums."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.utils import timezone

from billing import usage
from billing.usage import UsageLine

PERIODS: Final = (7, 30, 90)
DEFAULT: Final = 30
_EVERYTHING: Final[Mapping[str, str]] = {}
_WIDTH, _HEIGHT, _MARGIN = 200, 32, 3


@dataclass(frozen=True, slots=True)
class Activity:
    """Both halves begin with their oldest day; a day without use has no line."""

    days: int
    today: date
    lines: list[UsageLine]
    before: list[UsageLine]

    def total(self, of: Callable[[UsageLine], int]) -> int:
        return sum(map(of, self.lines))

    def change(self, of: Callable[[UsageLine], int]) -> float | None:
        """A share: 0.12 is 12 % more than in the days before; None where there were none."""
        earlier = sum(map(of, self.before))
        return self.total(of) / earlier - 1 if earlier else None

    def by_day(self, of: Callable[[UsageLine], int]) -> list[int]:
        sums = {line.day: of(line) for line in self.lines}
        first = self.today - timedelta(days=self.days - 1)
        return [sums.get(first + timedelta(days=n), 0) for n in range(self.days)]


class Spark(str):
    """The points of a sparkline."""

    __slots__ = ()

    @property
    def end(self) -> str:
        return self.rsplit(" ", 1)[-1].replace(",", " ")


def of(organisation_id: str, days: int, only: Mapping[str, str] = _EVERYTHING) -> Activity:
    today = timezone.now().date()
    begin, tomorrow = today - timedelta(days=days - 1), today + timedelta(days=1)
    lines = usage.by(organisation_id, begin - timedelta(days=days), tomorrow, ("day",), only)
    return Activity(
        days,
        today,
        [line for line in lines if line.day is not None and line.day >= begin],
        [line for line in lines if line.day is not None and line.day < begin],
    )


def spark(values: Sequence[float]) -> Spark:
    """A line 200 wide and 32 tall, with its least at the bottom and its most at the top."""
    if not any(values) or len(values) < 2:  # noqa: PLR2004 - a line has two ends
        return Spark()
    low, high = min(values), max(values)
    step, tall = _WIDTH / (len(values) - 1), _HEIGHT - 2 * _MARGIN + 1
    span = (high - low) or 1
    return Spark(
        " ".join(
            f"{n * step:.1f},{_HEIGHT - _MARGIN + 1 - (value - low) / span * tall:.1f}"
            for n, value in enumerate(values)
        )
    )


def period(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and int(text) in PERIODS else DEFAULT


def tokens(line: UsageLine) -> int:
    return line.prompt_tokens + line.completion_tokens


def requests(line: UsageLine) -> int:
    return line.requests


def charged(line: UsageLine) -> int:
    return line.charged_nano
