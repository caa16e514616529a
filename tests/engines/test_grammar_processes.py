"""Grammars live in processes of their own: what becomes of answers, and of them, when one ends."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.engines.base import (
    EngineOverloaded,
    GenerationFailed,
    InvalidGeneration,
    Message,
    SamplingParams,
)
from inference.engines.counting import counted
from inference.engines.local import grammar_keepers, grammars
from inference.engines.local.client import LocalEngine
from inference.engines.local.grammar_keepers import Keeper, Keepers
from inference.engines.local.grammar_process import GIVES_WAY, MASKS, TAKE
from inference.engines.local.grammar_wishes import wish_of
from inference.engines.local.grammars import FORM_LOST
from tests.engines.engine_process import ROOT, command, engine, engine_of
from tests.engines.form_desk import FORM, FormDesk, held_to

PATIENCE = 30.0


def saying(word: str) -> dict[str, Any]:
    return {"type": "array", "items": {"const": word}, "minItems": 50}


@pytest.fixture
def desk(model_folder: Path) -> Iterator[FormDesk]:
    desk = FormDesk(model_folder)
    desk.model.grammars.compile(
        wish_of(held_to(None)), FORM
    )  # so that there is a process that forks
    yield desk
    desk.close()


def forking(desk: FormDesk) -> int:
    keepers = desk.model.grammars._keepers
    assert isinstance(keepers, Keepers)
    assert keepers._parent is not None
    return keepers._parent._process.pid


def processes(parent: int) -> list[int]:
    return [
        int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    ]


def until(parent: int, count: int) -> list[int]:
    """As soon as it has so many children."""
    end = time.monotonic() + PATIENCE
    while len(found := processes(parent)) != count:
        assert time.monotonic() < end, found
    return found


def niceness(thread: str) -> int:
    return os.getpriority(os.PRIO_PROCESS, int(thread))


def all_gone(pids: list[int]) -> None:
    end = time.monotonic() + PATIENCE
    while left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < end, left
        time.sleep(0.01)


def test_a_process_that_dies_takes_its_own_answers_alone(desk: FormDesk) -> None:
    before = set(processes(forking(desk)))
    lost = [desk.submit(saying("lost")) for _ in range(2)]
    (process,) = set(processes(forking(desk))) - before
    kept = desk.submit(saying("kept"), max_tokens=40)
    free = desk.submit(free=True, sampling=SamplingParams(ignore_eos=True), max_tokens=40)
    for _ in range(5):
        desk.step()
    os.kill(process, signal.SIGKILL)
    desk.run()
    assert set(desk.errors) == set(lost)
    assert all(isinstance(error, GenerationFailed) for error in desk.errors.values())
    assert {str(error) for error in desk.errors.values()} == {FORM_LOST}  # so try again
    assert desk.answer(kept)[0].startswith('["kept", "kept"')
    assert len(desk.tokens(free)) == 40
    again = desk.submit(saying("lost"), max_tokens=40)
    desk.run()
    assert desk.answer(again)[0].startswith('["lost", "lost"')


def test_a_process_that_never_answers_is_given_up(
    desk: FormDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grammar_keepers, "PATIENCE_SECONDS", 1.0)
    before = set(processes(forking(desk)))
    asked = desk.submit(saying("lost"))
    (process,) = set(processes(forking(desk))) - before
    desk.step()
    os.kill(process, signal.SIGSTOP)
    desk.run()
    assert isinstance(desk.errors[asked], GenerationFailed)
    os.kill(process, signal.SIGCONT)


def test_who_forks_may_die_and_running_answers_go_on(desk: FormDesk) -> None:
    running = desk.submit(saying("on"), max_tokens=40)
    desk.step()
    os.kill(forking(desk), signal.SIGKILL)
    after = desk.submit(saying("after"), max_tokens=40)
    desk.run()
    assert desk.answer(running)[0].startswith('["on", "on"')
    assert desk.answer(after)[0].startswith('["after", "after"')


def test_a_machine_without_time_for_a_schema_does_not_refuse_it_for_good(
    desk: FormDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.kill(forking(desk), signal.SIGSTOP)  # others have the processors
    monkeypatch.setattr(grammar_keepers, "PATIENCE_SECONDS", 0.2)
    with pytest.raises(EngineOverloaded):
        desk.submit(saying("later"))
    monkeypatch.undo()
    desk.submit(saying("later"))


def test_a_schema_whose_process_is_killed_while_it_compiles_is_compiled_by_another(
    desk: FormDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not called too complex, for good: nobody knows that yet."""
    parent, killed = forking(desk), list[int]()
    hear = Keeper.hear

    def kill_the_first(keeper: Keeper, seconds: float) -> bytes:
        said = hear(keeper, seconds)
        if not killed:
            killed.append(processes(parent)[-1])
            os.kill(killed[0], signal.SIGKILL)
        return said

    monkeypatch.setattr(Keeper, "hear", kill_the_first)
    asked = desk.submit({"enum": [f"value {number}" for number in range(4000)]})
    desk.run()
    assert desk.answer(asked)[1] == "stop"
    assert killed


def test_processes_are_no_more_than_there_may_be(
    desk: FormDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grammars, "KEPT", 1)
    monkeypatch.setattr(grammars, "ALIVE", 3)
    asked = [desk.model.grammars.compile(wish_of(held_to(saying(word))), FORM) for word in "abc"]
    with pytest.raises(EngineOverloaded):
        desk.submit(saying("d"))
    assert desk.model.grammars.compile(wish_of(held_to(saying("c"))), FORM) is asked[-1]
    asked.clear()
    desk.submit(saying("d"))


async def test_what_will_not_be_generated_keeps_no_process(
    model_folder: Path, tmp_path: Path
) -> None:
    """Schemas of calls that are refused for their price, and of those that are only counted."""
    address = f"unix:{tmp_path / 'engine.sock'}"
    with engine(model_folder, address) as process:
        client = LocalEngine(address)
        for number in range(grammars.KEPT + 8):
            request = replace(held_to(saying(f"{number}")), messages=(Message("user", "hello"),))
            await counted(client, request)
        (parent,) = processes(process.pid)
        until(parent, grammars.KEPT)
        await client.close()


async def test_answers_that_have_ended_keep_no_process(model_folder: Path, tmp_path: Path) -> None:
    """In an engine as it is served, which hardly ever looks for garbage."""
    address = f"unix:{tmp_path / 'engine.sock'}"
    serving = [sys.executable, str(ROOT / "manage.py"), "serve_engine"]
    with engine_of([*serving, *command(model_folder, address)[3:]]) as process:
        client = LocalEngine(address)
        for number in range(grammars.KEPT + 8):
            request = replace(held_to(saying(f"{number}")), messages=(Message("user", "hello"),))
            async for _ in client.generate(await client.prepare(request), 2):
                if number % 2:
                    break  # who leaves at the first word
        (parent,) = processes(process.pid)
        await client.close()
        until(parent, grammars.KEPT)


def test_a_grammar_that_hit_a_limit_is_compiled_anew(desk: FormDesk) -> None:
    once = wish_of(held_to(saying("once")))
    grammar = desk.model.grammars.compile(once, FORM)
    assert desk.model.grammars.compile(once, FORM) is grammar
    matcher = grammar.matcher()
    grammar.keeper.ask(MASKS, [matcher.place])
    grammar.keeper.ask(TAKE, matcher.take(0))  # forbidden, so an error, as a limit would be
    matcher.stands(grammar.keeper.answer()[0])
    assert matcher.failed
    assert desk.model.grammars.compile(once, FORM) is not grammar


def test_who_compiles_gives_way_to_the_steps_and_who_serves_does_not(desk: FormDesk) -> None:
    endless = {"type": "string", "allOf": [{"pattern": f".*{c}.*{c}.*"} for c in "abcdefghijklmno"]}
    served, usual, seen = processes(forking(desk)), os.getpriority(os.PRIO_PROCESS, 0), set()
    with ThreadPoolExecutor(1) as pool:
        compiling = pool.submit(desk.model.grammars.compile, wish_of(held_to(endless)), FORM)
        while not compiling.done():
            for process in set(processes(forking(desk))) - set(served):
                with suppress(FileNotFoundError, ProcessLookupError):
                    seen |= {
                        niceness(task.name) for task in Path(f"/proc/{process}/task").iterdir()
                    }
        assert isinstance(compiling.exception(), InvalidGeneration)
    assert seen == {usual, usual + GIVES_WAY}
    assert [niceness(str(process)) for process in served] == [usual]


def test_processes_end_with_what_they_are_for(
    desk: FormDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grammars, "KEPT", 2)
    asked = desk.model.grammars.compile(wish_of(held_to(saying("a"))), FORM)
    for word in "bcde":
        desk.model.grammars.compile(wish_of(held_to(saying(word))), FORM)
    parent = forking(desk)
    last = until(parent, 2 + 1)  # one is still held by who asked
    assert asked
    del asked
    until(parent, 2)
    desk.close()
    all_gone([parent, *last])


async def test_an_engine_that_is_killed_leaves_no_process(
    model_folder: Path, tmp_path: Path
) -> None:
    address = f"unix:{tmp_path / 'engine.sock'}"
    with engine(model_folder, address) as process:
        client = LocalEngine(address)
        request = replace(held_to(saying("a")), messages=(Message("user", "hello"),))
        await client.prepare(request)
        (parent,) = processes(process.pid)
        started = [parent, *until(parent, 1)]
        process.kill()
        process.wait()
        await client.close()
        all_gone(started)
