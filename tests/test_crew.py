"""The crew of a run of tests: helpers run what drives servers, and go home."""

from types import SimpleNamespace
from typing import Any

from xdist.remote import Producer

from tests import crew
from tests.running import ROOT

LIVE = ["a.py::test@LIVE_long", "b.py::test@LIVE_short"]
OTHER = [f"c.py::test_{number}" for number in range(6)]


class Worker:
    """As the scheduler sees it."""

    def __init__(self, known: list[str], *, helps: bool) -> None:
        self.known = known
        self.workerinput = {crew.HELPS: True} if helps else {}
        self.told: list[str] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.told += [self.known[index] for index in indices]

    def shutdown(self) -> None:
        self.shutting_down = True


def test_a_helper_gets_what_it_has_collected_and_leaves_when_nothing_of_it_is_left() -> None:
    helper, steady = Worker(LIVE[::-1], helps=True), Worker([*LIVE, *OTHER], helps=False)
    options = {"tx": ["2*popen"], "dist": "loadgroup"}
    config: Any = SimpleNamespace(getvalue=options.get, option=SimpleNamespace())
    scheduler: Any = crew.pytest_xdist_make_scheduler(config, Producer("", enabled=False))
    for worker in (helper, steady):  # who has less to collect is the first to have done it
        scheduler.add_node(worker)
        scheduler.add_node_collection(worker, worker.known)
    scheduler.schedule()
    assert (helper.told, helper.shutting_down) == ([LIVE[0]], True)
    for index in range(len(steady.known) - 1):
        scheduler.mark_test_complete(steady, steady.known.index(steady.told[index]))
    assert steady.told == [LIVE[1], *OTHER]


def test_only_workers_beyond_the_processors_help() -> None:
    def helps(number: int, of: int) -> bool:
        node: Any = SimpleNamespace(
            gateway=SimpleNamespace(id=f"gw{number}"),
            config=SimpleNamespace(getvalue=lambda _name: "loadgroup"),
            workerinput={"workercount": of},
        )
        crew.pytest_configure_node(node)
        return crew.HELPS in node.workerinput

    most = crew.STEADY + 2
    assert [helps(number, most) for number in range(most)] == [False] * crew.STEADY + [True] * 2
    assert not helps(most, most), "it replaces one that crashed, whatever that one had to do"


def test_files_are_told_apart_by_what_they_import() -> None:
    assert crew.drives_servers(ROOT / "tests/faults/test_up_ends.py")
    assert crew.drives_servers(ROOT / "tests/browser/test_lists.py")
    assert crew.drives_servers(ROOT / "tests/wire/test_checks.py")
    assert not crew.drives_servers(ROOT / "tests/config/test_sockets.py")
