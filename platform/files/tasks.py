"""The files' background job; its clock stands in the settings."""

from celery import shared_task

from files import cleaning


@shared_task
def clean() -> None:
    cleaning.clean()
