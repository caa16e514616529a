"""Changing an organisation, written down in the audit."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.actor import Actor
from accounts.models import Organisation


@transaction.atomic
def change(actor: Actor, fields: Mapping[str, Any]) -> Organisation:
    """`fields` are among name and default_model."""
    organisation = Organisation.objects.select_for_update().get(pk=actor.caller.organisation_id)
    before = {name: getattr(organisation, name) for name in fields}
    for name, value in fields.items():
        setattr(organisation, name, value)
    organisation.save(update_fields=list(fields))
    actor.record("organisation.changed", organisation.id, before=before, after=dict(fields))
    return organisation
