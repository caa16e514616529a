"""Who runs which test: those that drive servers come first, and as they mostly wait, more workers
run them than there are processors; the workers beyond those do nothing else, and leave after it."""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final
from zlib import crc32

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

from tests.running import ROOT

STEADY: Final = min(8, (os.cpu_count() or 2) + 1)  # workers that stay to the end
HELPS: Final = "helps"  # what the others are told
LIVE: Final = "LIVE"  # of a group's names pytest-xdist makes one, and capitals come first
LONGEST: Final = (
    "training_fire", "server", "server_contract", "server_browser", "faults_of_uvicorn",
    "faults_of_daphne", "two_webs", "faults_test_batches_under_fire", "server_wire",
    "faults_test_money_under_fire", "contract_test_websocket_client", "chat_live",
    "faults_test_chatbot_under_fire", "faults_test_up_mends", "knowledge_test_live",
)  # fmt: skip
APART: Final = ("browser", "contract", "wire")  # folders whose tests of the one server are many
_DRIVES: Final = re.compile(
    r"from tests\.running import (\([^)]*|.*)\b(Server|Tenant)\b|from (playwright|tests\.wire)\b"
)


class Crew(LoadGroupScheduling):
    """Hands out the groups in the order of the collection; helpers know the live ones alone."""

    def _check_nodes_have_same_collection(self) -> bool:
        every = self.registered_collections
        whole = {worker: found for worker, found in every.items() if not _helps(worker)}
        self.registered_collections = whole
        same = super()._check_nodes_have_same_collection()
        self.registered_collections = whole | every
        return same

    def _assign_work_unit(self, node: WorkerController) -> None:
        if _helps(node) and not next(iter(self.workqueue)).startswith(LIVE):
            node.shutdown()
        else:
            super()._assign_work_unit(node)


def _helps(worker: WorkerController) -> bool:
    return HELPS in worker.workerinput


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Crew | None:
    if config.getvalue("dist") != "loadgroup":
        return None
    config.option.loadscopereorder = False  # by the number of tests, which says little
    return Crew(config, log)


def pytest_configure_node(node: WorkerController) -> None:
    """One that replaces a crashed worker has a number beyond all others, and knows every test."""
    number = int(node.gateway.id.removeprefix("gw"))
    if node.config.getvalue("dist") == "loadgroup" and (
        STEADY <= number < node.workerinput["workercount"]
    ):
        node.workerinput[HELPS] = True


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A helper imports no test that it will not run."""
    helps = HELPS in getattr(config, "workerinput", ())
    return (helps and collection_path.is_file() and not drives_servers(collection_path)) or None


@cache
def drives_servers(file: Path) -> bool:
    """Do its tests mostly wait for other processes? Its text is asked: imports take long."""
    return bool(_DRIVES.search(file.read_text(encoding="utf-8")))


@pytest.hookimpl(wrapper=True)  # before pytest-xdist reads the groups, and after all have shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """What is dear to make is made in one worker."""
    for item in items:
        for name in list(_names(item)):
            item.add_marker(pytest.mark.xdist_group(name))
    yield
    items.sort(key=_place)


def _names(item: pytest.Item) -> Iterator[str]:
    """Of the group: what tests share is the server, by area, or what their file has made."""
    folder = item.path.relative_to(ROOT).parts[1]
    file = f"{folder}_{item.path.stem}"
    live = drives_servers(item.path)
    if live:
        yield LIVE
    if item.get_closest_marker("xdist_group"):
        return
    fixtures = getattr(item, "_fixtureinfo", None)
    known = fixtures.name2fixturedefs if fixtures else {}
    if live and "server" in known:
        yield f"server_{folder}" if folder in APART else "server"
    elif any(found[-1].scope == "module" for found in known.values()):
        yield file
    elif live:  # a server of its own
        yield f"{file}_{crc32(item.nodeid.encode()):08x}"


def _place(item: pytest.Item) -> tuple[int, int]:
    """The longest come first, or the last worker would be alone with one; what computes is last."""
    names = {mark.args[0] for mark in item.iter_markers("xdist_group")}
    kind = 0 if LIVE in names else 1 if names else 2
    return kind, min((at for at, name in enumerate(LONGEST) if name in names), default=len(LONGEST))
