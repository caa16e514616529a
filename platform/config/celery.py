"""The Celery application: the tasks of every app, and the clock that starts them."""

import atexit
import gc
from typing import Any, cast

from celery import Celery, bootsteps
from celery.beat import EmbeddedService, Scheduler

from api import presence
from config import broker


class Clock(bootsteps.StartStopStep):
    """Beat as a thread of every worker: a beat *process* would outlive a killed worker.

    Several workers beat several times, which harms nothing: what is to be done stands in Postgres,
    and every task skips what another one has taken. It strikes for the worker's own queues alone,
    so that nothing piles up for a worker that is not there.
    """

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        own, usual = worker.app.amqp.queues.consume_from, worker.app.conf.task_default_queue
        worker.app.conf.beat_schedule = {
            name: entry
            for name, entry in worker.app.conf.beat_schedule.items()
            if entry.get("options", {}).get("queue", usual) in own
        }
        self.beat = cast("Any", EmbeddedService(worker.app, thread=True, scheduler_cls=Scheduler))
        self.beat.start()

    def stop(self, _worker: Any) -> None:
        self.beat.service.stop(wait=False)  # it keeps nothing that would have to be written


class Presence(bootsteps.StartStopStep):
    """Lets the pages know that whoever does the usual jobs is there."""

    requires = ("celery.worker.components:Pool",)

    def include_if(self, worker: Any) -> bool:
        return worker.app.conf.task_default_queue in worker.app.amqp.queues.consume_from

    def start(self, _worker: Any) -> None:
        self.saying = presence.Saying(presence.WORKER)
        self.saying.start()

    def stop(self, _worker: Any) -> None:
        self.saying.stop()


atexit.register(gc.freeze)  # as in manage.py: a worker ends at once
broker.install()
app = Celery("smarter")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.set_default()  # in every thread: routes wake the worker from theirs
app.steps["worker"].update({Clock, Presence})
