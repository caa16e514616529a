"""Conversations in which the assistant calls tools."""

from collections.abc import Sequence
from random import Random

from inference.builtin.corpus import functions, invented, wording
from inference.builtin.corpus.exchange import Exchange, chance
from inference.builtin.corpus.functions import Function, Offer, Use

Message = dict[str, object]

_OFTEN = {"get_weather": 4.0, "send_message": 5.0, "book_table": 5.0, "set_reminder": 2.0}
_OFTEN |= {"find_flights": 4.0, "find_person": 2.0, "UserDetail": 3.0}
_TOGETHER = frozenset({"city", "person", "code", "ticker"})  # kinds that can be asked in a row
_AND = (" and ", " and ", " and in ", " and for ", " & ", ", ")


def function(rng: Random) -> Function:
    """A function: a known one mostly, the weather most often."""
    if chance(rng, 0.3):
        return invented.function(rng)
    known = functions.known()
    return rng.choices(known, [_OFTEN.get(each.names[0], 1.0) for each in known])[0]


def weather_question(rng: Random) -> str:
    """A question that needs the weather tool."""
    return functions.ask(rng, functions.offer(rng, functions.known()[0])).question


def offered(rng: Random) -> list[Offer]:
    """One tool or several, each of another name."""
    made = (functions.offer(rng, function(rng)) for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))))
    return list({each.called: each for each in made}.values())


def dialogue(rng: Random, offers: Sequence[Offer]) -> list[Message]:
    """Some questions that need one of the tools each, or the same one several times."""
    messages: list[Message] = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        messages += _turns(*_needing(rng, rng.choice(offers)))
    if chance(rng, 0.4):  # the last results are still to come
        while not messages[-1].get("tool_calls"):
            messages.pop()
    return messages


def _needing(rng: Random, offer: Offer) -> tuple[str, list[Use]]:
    """A question, and the calls that answer it."""
    if chance(rng, 0.18) and (together := _together(rng, offer)):
        return together
    used = functions.ask(rng, offer)
    asked = Exchange(used.question, used.answer, exact=True)
    question = wording.reworded(rng, asked).question
    if question[-1] in ".?" and chance(rng, 0.07):
        question += rng.choice(wording.AFTER)
    return question, [used]


def _together(rng: Random, offer: Offer) -> tuple[str, list[Use]] | None:
    """One question for two or three calls of the same tool, where it has such questions."""
    slot = next((each for each in offer.function.slots if each.kind in _TOGETHER), None)
    fit = [each for each in offer.asked if slot and functions.slots_of(each) == {slot.name}]
    if slot is None or not fit:
        return None
    question = rng.choice(fit)
    used = [functions.ask(rng, offer, question) for _ in range(rng.choice((2, 2, 2, 3)))]
    *before, last = (str(next(iter(each.arguments.values()))) for each in used)
    return question.format(**{slot.name: ", ".join(before) + rng.choice(_AND) + last}), used


def _turns(asked: str, used: Sequence[Use]) -> list[Message]:
    """The question, the calls, each call's result, and what is then said."""
    calls = [
        {"type": "function", "function": {"name": each.called, "arguments": each.arguments}}
        for each in used
    ]
    turns: list[Message] = [
        {"role": "user", "content": asked},
        {"role": "assistant", "content": "", "tool_calls": calls},
    ]
    turns += ({"role": "tool", "content": each.result} for each in used)
    return [*turns, {"role": "assistant", "content": " ".join(each.answer for each in used)}]
