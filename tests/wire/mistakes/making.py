"""How a mistake is made: a call is changed on its way in, or its answer on its way out."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from tests.wire.raw import DONE, Event, Json, events_in
from tests.wire.registry import Check


@dataclass(frozen=True)
class Call:
    method: str
    path: str  # with its query
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> Json | None:
        """What it asks for, if that is a JSON object."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


@dataclass(frozen=True)
class Told:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def streams(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")


Ask = Callable[[Call], Call]
Tell = Callable[[Call, Told], Told]


@dataclass(frozen=True)
class Mistake:
    seen_by: tuple[str, ...]
    ask: Ask = lambda call: call
    tell: Tell = lambda _call, told: told


MISTAKES: dict[str, Mistake] = {}


def asking(*seen_by: Check) -> Callable[[Ask], Ask]:
    """The decorated function changes a call."""

    def register(change: Ask) -> Ask:
        _register(change, Mistake(_names(seen_by), ask=change))
        return change

    return register


def telling(*seen_by: Check) -> Callable[[Tell], Tell]:
    """The decorated function changes an answer."""

    def register(change: Tell) -> Tell:
        _register(change, Mistake(_names(seen_by), tell=change))
        return change

    return register


def asked_fields(*seen_by: Check) -> Callable[[Callable[[Json], object]], Ask]:
    """The decorated function changes in place what a call's JSON asks for."""

    def register(change: Callable[[Json], object]) -> Ask:
        def ask(call: Call) -> Call:
            fields = call.fields
            if fields is None:
                return call
            change(fields)
            return replace(call, body=json.dumps(fields).encode())

        _register(change, Mistake(_names(seen_by), ask=ask))
        return ask

    return register


def told_json(*seen_by: Check) -> Callable[[Callable[[Json], object]], Tell]:
    """The decorated function changes in place the JSON of an answer in one piece."""

    def register(change: Callable[[Json], object]) -> Tell:
        def tell(_call: Call, told: Told) -> Told:
            if told.headers.get("content-type") != "application/json":
                return told
            value = json.loads(told.body)
            change(value)
            return replace(told, body=json.dumps(value).encode())

        _register(change, Mistake(_names(seen_by), tell=tell))
        return tell

    return register


def told_events(*seen_by: Check) -> Callable[[Callable[[list[Event]], Iterable[Any]]], Tell]:
    """The decorated function gives other events (or raw text) for those of a stream."""

    def register(change: Callable[[list[Event]], Iterable[Any]]) -> Tell:
        def tell(_call: Call, told: Told) -> Told:
            if not told.streams:
                return told
            events = change(events_in(told.body))
            text = "".join(one.raw if isinstance(one, Event) else one for one in events)
            return replace(told, body=text.encode())

        _register(change, Mistake(_names(seen_by), tell=tell))
        return tell

    return register


def told_chunks(*seen_by: Check) -> Callable[[Callable[[list[Json]], list[Json] | None]], Tell]:
    """The decorated function changes the objects of a stream in place, or gives others."""

    def register(change: Callable[[list[Json]], list[Json] | None]) -> Tell:
        def tell(_call: Call, told: Told) -> Told:
            if not told.streams:
                return told
            events = events_in(told.body)
            given = [event.json for event in events if event.data != DONE]
            changed = change(given)
            made = [
                Event(one.get("type"), json.dumps(one))
                for one in (given if changed is None else changed)
            ]
            made += [event for event in events if event.data == DONE]
            return replace(told, body="".join(event.raw for event in made).encode())

        _register(change, Mistake(_names(seen_by), tell=tell))
        return tell

    return register


def _register(change: Callable[..., object], mistake: Mistake) -> None:
    name = change.__name__
    assert name not in MISTAKES
    MISTAKES[name] = mistake


def _names(seen_by: tuple[Check, ...]) -> tuple[str, ...]:
    assert seen_by
    return tuple(check.__name__ for check in seen_by)
