"""However much one organisation has to be prepared or compiled, another one's call comes next."""

import asyncio

from inference.engines.local.turns import Turns


class Works:
    """Calls whose end the test decides; `order` tells in which they began."""

    def __init__(self, at_once: int) -> None:
        self.turns = Turns(at_once)
        self.order: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        """`a1` is of the tenant `a`."""
        for name in names:
            self.ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._work(name))
        await self.settled()

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await self.settled()

    async def settled(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def _work(self, name: str) -> None:
        async with self.turns.turn(name[0]):
            self.order.append(name)
            await self.ends[name].wait()


async def test_another_tenants_call_waits_for_one_of_those_before_it_and_no_more() -> None:
    works = Works(2)
    await works.come("a1", "a2", "a3", "a4", "a5", "b1", "c1", "b2")
    assert works.order == ["a1", "a2"]
    for name in ("a1", "a2", "a3", "b1", "c1", "a4"):
        await works.end(name)
    assert works.order == ["a1", "a2", "a3", "b1", "c1", "a4", "b2", "a5"]


async def test_a_turn_is_free_again_when_all_is_done() -> None:
    works = Works(1)
    await works.come("a1", "b1")
    await works.end("a1")
    await works.end("b1")
    await works.come("a2")
    assert works.order == ["a1", "b1", "a2"]


async def test_who_leaves_while_waiting_takes_no_turn_and_keeps_none() -> None:
    works = Works(1)
    await works.come("a1", "b1", "c1")
    works.tasks["b1"].cancel()
    await works.settled()
    works.ends["a1"].set()
    await works.settled()
    assert works.order == ["a1", "c1"]
    works.ends["c1"].set()
    await works.come("d1", "e1")
    works.ends["d1"].set()
    works.tasks["e1"].cancel()  # perhaps given its turn already
    await works.come("f1")
    assert works.order[-2:] == ["d1", "f1"]
