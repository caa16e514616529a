"""The Celery application: the tasks of every app, and the clock that starts them."""

from celery import Celery

app = Celery("smarter")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
