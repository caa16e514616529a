"""Erasing what a closed organisation made, in every app; its money stays in the book.

Only here are all apps known. Every table with a column `organisation` is emptied of it, so a new
one is included without being told; what stays is named.
"""

from typing import Final

from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from accounts.models import APIKey, AuditEntry, Membership, Organisation
from files import receiving, uploading
from files.models import StoredFile, Upload

KEPT_APP: Final = "billing"
KEPT: Final = (APIKey, AuditEntry, Membership)
"""Holds point to keys; the audit is for ever; memberships end with the verb that closes."""


def erase(organisation_id: str) -> None:
    """Inside the transaction that closes the organisation."""
    for upload in Upload.objects.filter(organisation_id=organisation_id):
        uploading.end(upload, Upload.Status.CANCELLED)
    for stored in StoredFile.objects.filter(organisation_id=organisation_id):
        receiving.forget(stored)
    owned = [model for model in apps.get_models() if _is_owned(model)]
    for model in apps.get_models():
        for link in _links_to(model, owned):
            rows = model._base_manager.filter(**{f"{link}__organisation_id": organisation_id})  # noqa: SLF001 - the manager without filters
            rows.delete()
    _empty(owned, organisation_id)


def _is_owned(model: type[models.Model]) -> bool:
    if model in KEPT or model._meta.app_label == KEPT_APP:  # noqa: SLF001 - Django's documented way to ask
        return False
    return _organisation_of(model) is not None


def _organisation_of(model: type[models.Model]) -> str | None:
    """The name of the column, or None."""
    for field in model._meta.concrete_fields:  # noqa: SLF001 - as above
        if field.related_model is Organisation:
            return field.column
    return None


def _links_to(model: type[models.Model], owned: list[type[models.Model]]) -> list[str]:
    """How a table without an organisation of its own hangs on one that has one."""
    if _organisation_of(model) is not None or model._meta.app_label == KEPT_APP:  # noqa: SLF001 - as above
        return []
    fields = model._meta.concrete_fields  # noqa: SLF001 - as above
    return [field.name for field in fields if field.related_model in owned]


def _empty(owned: list[type[models.Model]], organisation_id: str) -> None:
    """Table by table; what others still point to, or rules keep until then, is tried again."""
    waiting = list(owned)
    while waiting:
        refused = [model for model in waiting if not _emptied(model, organisation_id)]
        if len(refused) == len(waiting):
            names = ", ".join(model.__name__ for model in refused)
            raise RuntimeError(f"A closed organisation still has {names}.")
        waiting = refused


def _emptied(model: type[models.Model], organisation_id: str) -> bool:
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 - as above
    column = connection.ops.quote_name(_organisation_of(model) or "")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE {column} = %s", [organisation_id])  # noqa: S608 - names of our own tables
    except DatabaseError:
        return False
    return True
