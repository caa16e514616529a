"""Mixes the skills into whole conversations and plain texts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from inference.builtin.corpus import (
    capitals,
    copying,
    extraction,
    facts,
    lists,
    numbers,
    reserved,
    stories,
    style,
    tools,
    wording,
)
from inference.builtin.corpus.exchange import Exchange, chance
from inference.builtin.corpus.functions import Tool

Message = dict[str, object]
NO_WEATHER = "I cannot see the weather without a tool. Give me a weather tool and I will call it."


@dataclass(frozen=True)
class Document:
    """A conversation (with the tools it was offered), or a plain text."""

    messages: tuple[Message, ...] = ()
    offered: tuple[Tool, ...] = ()
    text: str = ""


SKILLS: dict[Callable[[Random], Exchange], float] = {
    copying.exchange: 0.28,
    numbers.adding: 0.20,
    numbers.counting: 0.08,
    capitals.exchange: 0.09,
    lists.exchange: 0.12,
    facts.small_talk: 0.07,
    facts.fact: 0.05,
    facts.topic: 0.04,
    facts.product: 0.11,
}


def documents(seed: str, drill: float = 0.0) -> Iterator[Document]:
    """An endless stream, the same for the same seed; `drill` is the share of drills in it."""
    rng = Random(seed)  # noqa: S311 - the corpus has to be the same each time, not secret
    while True:
        made = _drill(rng) if drill and chance(rng, drill) else _document(rng)
        if reserved.allows(str(made.messages)) and reserved.allows(str(made.offered)):
            yield made


def _document(rng: Random) -> Document:
    return rng.choices(tuple(KINDS), tuple(KINDS.values()))[0](rng)


def _exchange(rng: Random) -> Exchange:
    made = rng.choices(tuple(SKILLS), tuple(SKILLS.values()))[0](rng)
    if made.as_json is not None and chance(rng, 0.06):
        made = style.asked_for_json(rng, made)
    return wording.reworded(rng, made)


def _turns(exchanges: list[Exchange]) -> list[Message]:
    turns: list[Message] = []
    for made in exchanges:
        turns.append({"role": "user", "content": made.question})
        turns.append({"role": "assistant", "content": made.answer})
    return turns


def _opening(rng: Random) -> list[Message]:
    if chance(rng, 0.7):
        return []
    role = "developer" if chance(rng, 0.1) else "system"
    return [{"role": role, "content": rng.choice(style.PLAIN_SYSTEMS)}]


def _chat(rng: Random) -> Document:
    count = rng.choice((1, 1, 1, 2, 2, 3))
    return Document((*_opening(rng), *_turns([_exchange(rng) for _ in range(count)])))


def _drill(rng: Random) -> Document:
    if chance(rng, 0.42):
        return _with_tools(rng)
    if chance(rng, 0.1):  # nearly as long as the context
        return Document(
            (*_opening(rng), *_turns([_exchange(rng) for _ in range(rng.randint(20, 50))]))
        )
    asked = rng.choices(tuple(DRILLS), tuple(DRILLS.values()), k=rng.randint(3, 8))
    return Document((*_opening(rng), *_turns([wording.reworded(rng, ask(rng)) for ask in asked])))


def _fact_in_json(rng: Random) -> Exchange:
    return style.asked_for_json(rng, facts.fact(rng))


def _long_chat(rng: Random) -> Document:
    count = rng.randint(6, 24)
    return Document((*_opening(rng), *_turns([_exchange(rng) for _ in range(count)])))


def _in_style(rng: Random) -> Document:
    exchanges = [_exchange(rng) for _ in range(rng.choice((1, 1, 2)))]
    if chance(rng, 0.5):
        exchanges = [facts.topic(rng), *exchanges[1:]]
        system, exchanges = rng.choice(style.PIRATE_SYSTEMS), list(map(style.as_pirate, exchanges))
    else:
        system, exchanges = rng.choice(style.JSON_SYSTEMS), list(map(style.as_json, exchanges))
    return Document(({"role": "system", "content": system}, *_turns(exchanges)))


def _grounded(rng: Random) -> Document:
    sources, exchanges = copying.grounded(rng)
    return Document(({"role": "system", "content": sources}, *_turns(exchanges)))


def _remembering(rng: Random) -> Document:
    told, asked = copying.introduction(rng)
    between = [_exchange(rng) for _ in range(rng.choice((0, 0, 1, 2)))]
    return Document((*_opening(rng), *_turns([told, *between, asked])))


def _as_persona(rng: Random) -> Document:
    system, introduced = style.persona(rng)
    exchanges = [_exchange(rng) for _ in range(rng.choice((0, 1, 2)))]
    exchanges.insert(rng.randint(0, len(exchanges)), introduced)
    return Document(({"role": "system", "content": system}, *_turns(exchanges)))


def _with_tools(rng: Random) -> Document:
    if chance(rng, 0.03):
        return Document(tuple(_turns([Exchange(tools.weather_question(rng), NO_WEATHER)])))
    offers = tools.offered(rng)
    if chance(rng, 0.15):  # offered, but not needed
        messages = _turns([_exchange(rng) for _ in range(rng.choice((1, 1, 2)))])
    else:
        messages = tools.dialogue(rng, offers)
    if chance(rng, 0.15):
        messages = [*_turns([_exchange(rng)]), *messages]
    if not messages[-1].get("tool_calls") and chance(rng, 0.2):
        messages += _turns([_exchange(rng)])
    return Document((*_opening(rng), *messages), tuple(each.tool for each in offers))


def _extracted(rng: Random) -> Document:
    if chance(rng, 0.35):
        system, exchanges = extraction.with_system(rng)
        return Document(({"role": "system", "content": system}, *_turns(exchanges)))
    return Document((*_opening(rng), *_turns([extraction.exchange(rng)])))


def _plain_text(rng: Random) -> Document:
    return Document(text=stories.text(rng))


DRILLS: dict[Callable[[Random], Exchange], float] = {
    numbers.drill: 0.34,
    capitals.drill: 0.20,
    copying.exchange: 0.30,
    facts.product: 0.06,
    _fact_in_json: 0.07,
    facts.small_talk: 0.05,
}
KINDS: dict[Callable[[Random], Document], float] = {
    _chat: 0.40,
    _with_tools: 0.34,
    _extracted: 0.05,
    _in_style: 0.08,
    _grounded: 0.04,
    _remembering: 0.025,
    _as_persona: 0.02,
    _plain_text: 0.035,
    _long_chat: 0.01,
}
