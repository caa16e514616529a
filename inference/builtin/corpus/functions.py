"""Functions that tools offer: their schemas, questions that need them, calls, and results."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from string import Formatter
from typing import Any

from inference.builtin.corpus import values, words
from inference.builtin.corpus.exchange import chance, dumps
from inference.builtin.corpus.values import Value

Tool = dict[str, object]


@dataclass(frozen=True)
class Slot:
    """A parameter: what fills it, the names it may have, what its schema says of it."""

    name: str
    keys: tuple[str, ...]
    kind: str = ""
    choices: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    optional: bool = False

    def draw(self, rng: Random) -> Value:
        """A value for it."""
        if not self.choices:
            return values.KINDS[self.kind](rng)
        chosen = rng.choice(self.choices)
        return Value(chosen, chosen)

    def schema(self, rng: Random, key: str, titled: bool) -> dict[str, object]:
        """What the function's schema says of it."""
        made: dict[str, object] = {"title": key.title()} if titled else {}
        made["type"] = values.TYPES.get(self.kind, "string")
        if self.about and chance(rng, 0.6):
            made["description"] = rng.choice(self.about)
        if self.choices:
            made["enum"] = list(self.choices)
        return made


@dataclass(frozen=True)
class Finding:
    """What a tool may give back, as JSON or as plain text, and the answer made of it."""

    says: str
    gives: Mapping[str, str]
    plain: tuple[str, ...] = ()


@dataclass(frozen=True)
class Function:
    """A kind of function, under several names."""

    names: tuple[str, ...]
    about: tuple[str, ...]
    slots: tuple[Slot, ...]
    asked: tuple[str, ...]
    finds: tuple[Finding, ...]


@dataclass(frozen=True)
class Offer:
    """A function as a request offers it, and the names that its slots have there."""

    called: str
    tool: Tool
    keys: Mapping[str, str]
    asked: tuple[str, ...]
    function: Function


@dataclass(frozen=True)
class Use:
    """A question that needs a tool, the call, what the tool answers, and what is then said."""

    called: str
    question: str
    arguments: dict[str, str | int | float]
    result: str
    answer: str


@cache
def known() -> tuple[Function, ...]:
    """The functions of functions.toml."""
    text = Path(__file__).with_name("functions.toml").read_text(encoding="utf-8")
    return tuple(_function(each) for each in tomllib.loads(text)["function"])


def _function(written: dict[str, Any]) -> Function:
    slots = tuple(Slot(**_frozen(each)) for each in written["slots"])
    finds = tuple(Finding(**_frozen({"gives": {}, **each})) for each in written["finds"])
    return Function(**{**_frozen(written), "slots": slots, "finds": finds})


def _frozen(written: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in written.items()}


def offer(rng: Random, function: Function) -> Offer:
    """A function under one of its names, with one set of parameters, or with none told."""
    slots = _kept(rng, function)
    keys = {slot.name: rng.choice(slot.keys) for slot in slots}
    asked = tuple(each for each in function.asked if slots_of(each) <= set(keys))
    first = slots[:1]
    alone = tuple(each for each in asked if first and slots_of(each) == {first[0].name})
    bare = bool(alone) and chance(rng, 0.15)
    if bare:  # then it is called with the usual name of its first parameter
        keys, asked = {first[0].name: first[0].keys[0]}, alone
    schema = {} if bare else _parameters(rng, slots, keys)
    called, about = rng.choice(function.names), rng.choice(function.about)
    return Offer(called, tool(rng, called, about, schema), keys, asked, function)


def _kept(rng: Random, function: Function) -> tuple[Slot, ...]:
    """The parameters, at times without optional ones that some question can do without."""
    kept = tuple(each for each in function.slots if not (each.optional and chance(rng, 0.35)))
    names = {slot.name for slot in kept}
    return kept if any(slots_of(each) <= names for each in function.asked) else function.slots


def ask(rng: Random, offered: Offer, question: str = "") -> Use:
    """A question that needs the function; `question` is one of its own, or any of them."""
    question = question or rng.choice(offered.asked)
    named, slots = slots_of(question), offered.function.slots
    drawn = {slot.name: slot.draw(rng) for slot in slots if slot.name in named}
    arguments = {offered.keys[name]: value.json for name, value in drawn.items()}
    spoken = {name: value.spoken for name, value in drawn.items()}
    written = {name: str(value.json) for name, value in drawn.items()}
    result, answer = _found(rng, rng.choice(offered.function.finds), written)
    return Use(offered.called, question.format(**spoken), arguments, result, answer)


def slots_of(question: str) -> set[str]:
    """Which slots stand in a question."""
    return {name for _, name, _, _ in Formatter().parse(question) if name}


def tool(rng: Random, name: str, about: str, parameters: dict[str, object]) -> Tool:
    """A function as the engine shows it, now and then closed or without a description."""
    if parameters and chance(rng, 0.1):
        parameters = {**parameters, "additionalProperties": False}
    described = "" if chance(rng, 0.08) else about
    function = {"name": name, "description": described, "parameters": parameters}
    return {"type": "function", "function": function}


def _parameters(rng: Random, slots: Sequence[Slot], keys: Mapping[str, str]) -> dict[str, object]:
    """A JSON schema, its own fields in the order that people or that libraries write."""
    if not slots and chance(rng, 0.4):
        return {}
    titled = chance(rng, 0.1)
    named = {keys[slot.name]: slot for slot in slots}
    fields: dict[str, object] = {
        "type": "object",
        "properties": {key: slot.schema(rng, key, titled) for key, slot in named.items()},
        "required": [key for key, slot in named.items() if not slot.optional],
    }
    if not slots and chance(rng, 0.5):
        fields.pop("required")
        return fields
    if titled or chance(rng, 0.05):
        return {key: fields[key] for key in ("properties", "required", "type")}
    return fields


def _found(rng: Random, finding: Finding, asked: Mapping[str, str]) -> tuple[str, str]:
    """What the tool says, and what the assistant makes of it."""
    kind = rng.random()
    bounds = (0.07, 0.2)
    if kind < bounds[0]:
        reason = words.phrase(rng, longest=4).lower()
        return dumps({"error": reason}), f"That did not work: {reason}."
    if kind < bounds[1]:
        return _anything(rng)
    given = {key: values.KINDS[kind](rng).json for key, kind in finding.gives.items()}
    spoken = {**asked, **{key: str(value) for key, value in given.items()}}
    if not given:
        done = rng.choice(({"status": "ok"}, {"success": True}, {"status": "sent"}, {"ok": True}))
        return rng.choice(("ok", "done", dumps(done), dumps(done))), finding.says.format(**spoken)
    if finding.plain and chance(rng, 0.5):
        return rng.choice(finding.plain).format(**spoken), finding.says.format(**spoken)
    shown = {**asked, **given} if chance(rng, 0.25) else given
    return dumps(shown), finding.says.format(**spoken)


def _anything(rng: Random) -> tuple[str, str]:
    """A result of any shape: a sentence is said again, fields are named one by one."""
    if chance(rng, 0.35):
        said = words.phrase(rng).capitalize() + "."
        return said, said
    fields: dict[str, object] = {}
    for _ in range(rng.choice((1, 1, 2))):
        kind = rng.choice(("person", "city", "phrase", "number", "word", "amount", "clock"))
        key = "_".join(words.word(rng) for _ in range(rng.choice((1, 1, 2))))
        fields[key] = values.KINDS[kind](rng).json
    told = " and ".join(f"the {key.replace('_', ' ')} is {value}" for key, value in fields.items())
    return dumps(fields), f"{told[0].upper()}{told[1:]}."
