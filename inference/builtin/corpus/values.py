"""Values that tools are called with and that tools give back, as they are spoken and as JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from inference.builtin.corpus import copying, words
from inference.builtin.corpus.capitals import CAPITALS
from inference.builtin.corpus.exchange import chance
from inference.builtin.corpus.numbers import NUMERALS

CITIES = (
    *CAPITALS.values(),
    *("San Francisco", "New York", "Boston", "Chicago", "Sydney", "Mumbai", "Toronto", "Seattle"),
    *("Milan", "Munich", "Lyon", "Hamburg", "Barcelona", "Los Angeles", "Singapore", "Dubai"),
)
_BEFORE_PLACES = ("New", "Port", "San", "Los", "Santa", "Saint", "Fort", "Lake", "La", "El", "St.")
_AFTER_PLACES = ("City", "Beach", "Falls", "Springs", "Hill", "Bay", "Valley")
_REGIONS = ("CA", "NY", "TX", "UK", "France", "Spain", "Italy", "Japan", "Norway", "Peru")
_ACCENTS = {"a": "áãäå", "e": "éèê", "i": "íî", "o": "óöøô", "u": "úü", "c": "ç", "n": "ñ"}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "today", "tomorrow")
_LARGEST_SPOKEN = 12
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Value:
    """What stands in the question, and what stands in the JSON."""

    spoken: str
    json: str | int | float


def person(rng: Random) -> Value:
    """A first name, at times with a last one."""
    name = words.name(rng)
    if chance(rng, 0.4):
        name += f" {words.name(rng)}"
    return _same(_accented(rng, name))


def city(rng: Random) -> Value:
    """A city, mostly one that nobody has heard of, at times with its state or country."""
    name = words.place(rng, CITIES)
    if name not in CITIES:
        if chance(rng, 0.1):
            name = f"{rng.choice(_BEFORE_PLACES)} {name}"
        elif chance(rng, 0.06):
            name = f"{name} {rng.choice(_AFTER_PLACES)}"
        elif chance(rng, 0.05):
            name = f"{name}-{words.name(rng)}"
        name = _accented(rng, name)
    if chance(rng, 0.05):
        name += f", {rng.choice(_REGIONS)}"
    return _same(name)


def quoted(rng: Random) -> Value:
    """A text in quotation marks that are no part of it."""
    text = words.phrase(rng)
    return Value(copying.quote(rng, text), text)


def number(rng: Random) -> Value:
    """A whole number, the small ones now and then as a word."""
    made = rng.randint(1, _LARGEST_SPOKEN) if chance(rng, 0.6) else rng.randint(1, 999)
    if made <= _LARGEST_SPOKEN and chance(rng, 0.2):
        return Value(NUMERALS[made], made)
    return Value(str(made), made)


def _large(rng: Random) -> Value:
    """Larger than the sums that are kept for tests."""
    made = rng.randint(21, 999)
    return Value(str(made), made)


def _phrase(rng: Random) -> Value:
    return _same(words.phrase(rng, longest=3))


def _word(rng: Random) -> Value:
    return _same(words.phrase(rng, longest=1))


def _clock(rng: Random) -> Value:
    if chance(rng, 0.3):
        return _same(f"{rng.randint(1, 12)} {rng.choice(('am', 'pm'))}")
    return _same(f"{rng.randint(0, 23)}:{rng.randint(0, 59):02}")


def _day(rng: Random) -> Value:
    if chance(rng, 0.25):
        return _same(f"{rng.randint(2024, 2029)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}")
    return _same(rng.choice(_DAYS))


def _code(rng: Random) -> Value:
    digits = str(rng.randint(10, 99_999))
    letters = "".join(rng.choices(_LETTERS, k=rng.randint(1, 3)))
    return _same(rng.choice((digits, letters + digits, f"{letters}-{digits}")))


def _ticker(rng: Random) -> Value:
    return _same("".join(rng.choices(_LETTERS, k=rng.randint(3, 4))))


def _email(rng: Random) -> Value:
    host = rng.choice(("com", "org", "net"))
    return _same(f"{words.name(rng).lower()}@{words.word(rng)}.{host}")


def _amount(rng: Random) -> Value:
    whole = rng.randint(1, 400)
    made = rng.choice((whole, whole, whole + 0.5, whole + 0.25))
    return Value(str(made), made)


def _degrees(rng: Random) -> Value:
    made = rng.randint(-15, 40)
    return Value(str(made), made)


def _sky(rng: Random) -> Value:
    return _same(rng.choice(("sunny", "cloudy", "rainy", "windy", "snowy", "clear", "foggy")))


def _accented(rng: Random, name: str) -> str:
    if not chance(rng, 0.05):
        return name
    place = rng.randrange(1, len(name))
    other = rng.choice(_ACCENTS.get(name[place], name[place]))
    return name[:place] + other + name[place + 1 :]


def _same(text: str) -> Value:
    return Value(text, text)


KINDS: dict[str, Callable[[Random], Value]] = {
    "person": person,
    "city": city,
    "quoted": quoted,
    "phrase": _phrase,
    "word": _word,
    "number": number,
    "large": _large,
    "clock": _clock,
    "day": _day,
    "code": _code,
    "ticker": _ticker,
    "email": _email,
    "amount": _amount,
    "degrees": _degrees,
    "sky": _sky,
}
TYPES = {"number": "integer", "large": "integer", "degrees": "integer", "amount": "number"}
