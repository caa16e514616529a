"""The running site: everything that `up` starts, in order, keeps alive, and ends in order."""

import json
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from types import FrameType

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from config import console, first_run, greeting, parts, postgres
from config.children import CannotStart
from config.engines import Engines
from config.parts import DATABASE, TRAINING, WEB, WORKER
from config.supervision import Supervisor
from inference import catalog, defaults
from inference.engines import sockets
from inference.fine_tuning.models import FineTuningJob
from inference.models import ServedModel

OLDEST_POSTGRES = 150_000
READY_SECONDS = 120.0
CATALOG_SECONDS = 2.0


class Stopped(BaseException):
    """A signal asked the site to end (not an error: nobody may catch it by accident)."""


@dataclass
class Site:
    """`run()` blocks until a signal. Raises CannotStart."""

    address: parts.Address
    as_json: bool
    with_worker: bool
    supervisor: Supervisor = field(default_factory=Supervisor)
    engines: Engines = field(init=False)
    signals: int = 0
    is_up: bool = False

    def __post_init__(self) -> None:
        self.engines = Engines(self.supervisor)

    def run(self) -> None:
        # Set here: a shell that starts us in the background has SIGINT ignored.
        _signals_do(self._told_to_stop)
        try:
            self._start()
            self._watch()
        except Stopped:
            pass
        finally:
            self.signals = max(self.signals, 1)  # from now on signals only count
            self._stop()
            _signals_do(signal.SIG_IGN)  # one that comes late must not look like a crash

    def _start(self) -> None:
        self.engines.start_last()
        self._start_database()
        self._migrate()
        defaults.ensure()
        demo = first_run.credentials(settings.DATA_DIR)
        guide = first_run.chatbot(demo)
        with console.step("Starting the server and the model", "Server and model answer"):
            self._follow_catalog()
            self.supervisor.want(parts.web(self.address))
            self._wait_until_ready()
        if self.with_worker:
            self.supervisor.want(parts.worker(self.address))  # last: nobody waits for it
        self.is_up = True
        if self.as_json:
            line = {"url": self.address.url, **asdict(demo)}
            known = {"chatbot": guide and guide.name}
            known |= {"publishable_key": guide and guide.publishable_text}
            console.result(json.dumps(line | known))
        else:
            console.result(greeting.text(self.address.url, demo, guide))

    def _start_database(self) -> None:
        if settings.DATABASES["default"].get("HOST") == str(
            postgres.socket_folder(settings.DATA_DIR)
        ):
            with console.step("Starting the database", "Database"):
                self.supervisor.want(parts.database())
                postgres.ensure_database(postgres.socket_folder(settings.DATA_DIR))
        try:
            with connection.cursor() as cursor:
                cursor.execute("SHOW server_version_num")
                version = int(cursor.fetchone()[0])
        except DatabaseError as error:
            reason = str(error).strip().splitlines()[0]
            raise CannotStart(f"DATABASE_URL leads to no database: {reason}") from error
        if version < OLDEST_POSTGRES:
            raise CannotStart("DATABASE_URL leads to a Postgres older than 15. Use a newer one.")

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            with console.step("Preparing the tables", "Tables"):
                call_command("migrate", verbosity=0, skip_checks=True)

    def _wait_until_ready(self) -> None:
        """The web process must answer; a default model that cannot start is only warned about."""
        log = settings.DATA_DIR / "logs" / "web.log"
        deadline = time.monotonic() + READY_SECONDS
        while not parts.web_answers(self.address, "/health/ready"):
            self.supervisor.look()
            if self.supervisor.keeps_dying(WEB) or time.monotonic() > deadline:
                raise CannotStart(f"The web process does not start; see {log}.")
            time.sleep(0.05)
        model = ServedModel.objects.local().filter(id=catalog.DEFAULT_MODEL).first()
        if model is None:
            return
        name = parts.engine_name(model.id)
        while not parts.engine_answers(sockets.path_for(model.id, settings.DATA_DIR)):
            self.supervisor.look()
            if self.supervisor.keeps_dying(name) or time.monotonic() > deadline:
                console.warning(f"The {name} does not answer; its log says why.")
                return
            time.sleep(0.05)

    def _watch(self) -> None:
        next_poll = 0.0
        while True:
            self.supervisor.look()
            if time.monotonic() >= next_poll:
                self._follow_catalog()
                next_poll = time.monotonic() + CATALOG_SECONDS
            time.sleep(0.1)

    def _follow_catalog(self) -> None:
        try:
            wanted = self.engines.follow()
            self._follow_training()
        except DatabaseError:
            connection.close()  # it is away; what runs goes on
            return
        kept = wanted | {DATABASE, WEB, WORKER, TRAINING}
        for name in self.supervisor.names() - kept:
            self.supervisor.drop(name)

    def _follow_training(self) -> None:
        """Its worker starts with the first job, so that nobody else pays for it."""
        if self.is_up and self.with_worker and FineTuningJob.objects.all().for_workers().exists():
            self.supervisor.want(parts.training_worker())

    def _told_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.signals += 1
        if self.signals == 1:
            raise Stopped
        self.supervisor.ask([WEB])  # a second signal forces the web process's end

    def _stop(self) -> None:
        """The web process drains first, while engines and database still serve its streams."""
        if self.is_up:
            console.note("Stopping. Answers in progress may end; Ctrl-C cuts them.")
        names = self.supervisor.names()
        self.supervisor.ask([WORKER, TRAINING])
        self.supervisor.drop(WEB)
        self.supervisor.ask(names - {DATABASE})
        for name in names - {WEB, DATABASE}:
            self.supervisor.drop(name)
        self.supervisor.drop(DATABASE)
        if self.is_up:
            console.note("Stopped.")


def _signals_do(what: "Callable[[int, FrameType | None], None] | signal.Handlers") -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, what)
