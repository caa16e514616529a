"""Changing an organisation, written down in the audit."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db import transaction

from accounts.actor import Actor
from accounts.models import Organisation

model_validators: Final[list[Callable[[str, str], None]]] = []
"""Asked with (model, organisation id) before a default model is stored; each raises an ApiError.

Which models exist is known further up the tower: who knows it adds itself when Django is ready.
"""


@transaction.atomic
def change(actor: Actor, fields: Mapping[str, Any]) -> Organisation:
    """`fields` are among name and default_model."""
    organisation = Organisation.objects.select_for_update().get(pk=actor.caller.organisation_id)
    if model := fields.get("default_model"):
        for validate in model_validators:
            validate(model, organisation.id)
    before = {name: getattr(organisation, name) for name in fields}
    for name, value in fields.items():
        setattr(organisation, name, value)
    organisation.save(update_fields=list(fields))
    actor.record("organisation.changed", organisation.id, before=before, after=dict(fields))
    return organisation
