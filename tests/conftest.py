"""One embedded Postgres for the run, one database per xdist worker, and the cast."""

import gc
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from django.conf import settings
from django.db import connections
from django.utils import translation

from accounts import keys, registration
from accounts.models import Membership, User
from billing import topping_up
from config import children, draining, postgres
from manage import GARBAGE_EVERY
from tests import certificates, crew, first_data, tables, taking_back
from tests.cast import Person
from tests.running import START_SECONDS, Server, wait_until

UNSAFE_BUT_FAST = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300",
)  # fmt: skip
_running = pytest.StashKey[tuple["subprocess.Popen[bytes]", Path]]()
_beside = pytest.StashKey[list["subprocess.Popen[bytes]"]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the database before the workers are; they inherit its address."""
    settings.STORAGES["files"] = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    hypothesis.settings.register_profile("patient", deadline=None)  # for an example: 0.2 s
    hypothesis.settings.load_profile("patient")
    # Who wakes the worker would look for a broker, for six seconds.
    current_app.conf.update(broker_url="memory://")
    # A password's hash is slow on purpose. The servers that tests start keep theirs.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    config.pluginmanager.register(crew)
    taking_back.install()
    certificates.install()
    gc.set_threshold(*GARBAGE_EVERY)
    if "DATABASE_URL" in os.environ:  # a person's own server, or we are a worker
        return
    place = _temporary_home()
    server = postgres.start(place, place, UNSAFE_BUT_FAST)
    if config.getoption("numprocesses", None):  # for a few tests it is not worth its while
        first_data.prepare()
        config.stash[_beside] = [tables.begin(str(place), postgres.USER)]
        if config.args_source is config.ArgsSource.TESTPATHS:
            config.stash[_beside].append(first_data.begin())
    config.stash[_running] = (server, place)
    os.environ["DATABASE_URL"] = (
        f"postgres:///{postgres.DATABASE}?host={place}&user={postgres.USER}"
    )
    # pytest-django has read the settings already.
    settings.DATABASES["default"].update(HOST=str(place), USER=postgres.USER)


def pytest_collection_finish() -> None:
    gc.freeze()  # nobody looks for garbage among thousands of tests and all that they import


def pytest_unconfigure(config: pytest.Config) -> None:
    for process in config.stash.get(_beside, ()):
        process.wait()  # it has ended, unless there was nothing to test
    if running := config.stash.get(_running, None):
        server, place = running
        server.send_signal(signal.SIGINT)
        children.end(server, 10)
        shutil.rmtree(place)
        first_data.clear()


def _temporary_home() -> Path:
    if os.geteuid() == 0:
        return postgres.new_root_home()
    return Path(tempfile.mkdtemp(prefix="smarter-test-"))


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """A page in German leaves its language active where no server takes it away."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Workers need not migrate."""
    if tables.ADDRESS in os.environ:
        wait_until(tables.are_there, START_SECONDS, "tables are migrated")
        settings.DATABASES["default"]["TEST"]["TEMPLATE"] = tables.TEMPLATE


@pytest.fixture
def ada(db: None) -> Person:
    """Owner of an organisation with a dollar."""
    made = registration.create_organisation("Ada's bakery", "ada@example.com", "correct horse")
    topping_up.top_up(made.organisation, 10**9, "start")
    return Person(made.user, made.organisation, made.api_key)


@pytest.fixture
def ben(ada: Person) -> Person:
    """Analyst in Ada's organisation."""
    user = User.objects.create_user("ben@example.com", "battery staple")
    member = Membership.objects.create(
        organisation=ada.organisation, user=user, role=Membership.Role.ANALYST
    )
    _key, plaintext = keys.issue(
        ada.organisation.id, name="Ben's", scopes=sorted(member.scopes), created_by=user
    )
    return Person(user, ada.organisation, plaintext)


@pytest.fixture
def mallory(db: None) -> Person:
    """Owner of another organisation."""
    made = registration.create_organisation("Mallory's mill", "mallory@example.com", "open sesame")
    return Person(made.user, made.organisation, made.api_key)


@pytest.fixture
async def async_db(transactional_db: None) -> AsyncIterator[None]:
    """Real commits, seen by both roads; at the end Runs have settled and connections are closed."""
    yield
    await draining.close_parts()
    await sync_to_async(connections.close_all)()


@pytest.fixture(scope="session", autouse=True)
def no_database_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Root's databases live outside of the temporary folders that tests give to servers."""
    yield
    for link in tmp_path_factory.getbasetemp().glob("*/*/postgres"):
        if link.is_symlink():
            shutil.rmtree(link.resolve(), ignore_errors=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The running product: `manage.py up` on a data folder of its own."""
    running = Server(tmp_path_factory.mktemp("server") / "data").start()
    yield running
    running.stop()
