"""The endpoints of an organisation: made, changed, deleted, each written down in the audit."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import sealing
from accounts.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import emit_to, guard, signing
from api.errors import InvalidRequest, NotFound

MOST: Final = 20
"""Endpoints of one organisation."""
_FACTS: Final = ("url", "description", "events", "enabled")


@transaction.atomic
def create(
    organisation_id: str, fields: Mapping[str, Any], by: str, address: str | None = None
) -> tuple[WebhookEndpoint, str]:
    """An endpoint and its secret (`whsec_…`), which is shown now and never again.

    `fields`: url, description, events. Raises InvalidRequest (an address that may not be called).
    """
    mine = WebhookEndpoint.objects.for_organisation(organisation_id)
    if mine.count() >= MOST:
        said = _("An organisation has up to %(most)d webhooks. Delete one.") % {"most": MOST}
        raise InvalidRequest(said)
    _require_callable(fields["url"])
    secret = signing.new_secret()
    endpoint = WebhookEndpoint.objects.create(
        organisation_id=organisation_id, sealed_secret=sealing.seal(secret), **fields
    )
    _record(endpoint, "webhook.created", by, address, after=_facts(endpoint))
    return endpoint, secret


def find(organisation_id: str, endpoint_id: str) -> WebhookEndpoint:
    """Raises NotFound."""
    mine = WebhookEndpoint.objects.for_organisation(organisation_id)
    endpoint = mine.filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("No webhook has this id.", hint="List yours with GET /v1/webhooks.")
    return endpoint


@transaction.atomic
def change(
    organisation_id: str,
    endpoint_id: str,
    fields: Mapping[str, Any],
    by: str,
    address: str | None = None,
) -> WebhookEndpoint:
    """`fields` are among url, description, events and enabled."""
    endpoint = find(organisation_id, endpoint_id)
    if "url" in fields:
        _require_callable(fields["url"])
    before = _facts(endpoint)
    for name, value in fields.items():
        setattr(endpoint, name, value)
    endpoint.save(update_fields=list(fields))
    _record(endpoint, "webhook.changed", by, address, before=before, after=_facts(endpoint))
    return endpoint


@transaction.atomic
def delete(organisation_id: str, endpoint_id: str, by: str, address: str | None = None) -> None:
    """With the log of its deliveries; those still on their way are dropped."""
    endpoint = find(organisation_id, endpoint_id)
    _record(endpoint, "webhook.deleted", by, address, before=_facts(endpoint))
    endpoint.delete()


@transaction.atomic
def renew_secret(
    organisation_id: str, endpoint_id: str, by: str, address: str | None = None
) -> tuple[WebhookEndpoint, str]:
    """Another secret, shown now and never again; messages are signed with it from the next on."""
    endpoint, secret = find(organisation_id, endpoint_id), signing.new_secret()
    endpoint.sealed_secret = sealing.seal(secret)
    endpoint.save(update_fields=["sealed_secret"])
    _record(endpoint, "webhook.secret_renewed", by, address)
    return endpoint, secret


def send_again(organisation_id: str, endpoint_id: str, delivery_id: str) -> None:
    """A message that has failed is due again, with all its attempts before it. Raises NotFound."""
    mine = WebhookDelivery.objects.all().for_organisation(organisation_id)
    failed = mine.filter(
        pk=delivery_id, endpoint_id=endpoint_id, state=WebhookDelivery.State.FAILED
    )
    waiting = WebhookDelivery.State.WAITING
    if not failed.update(state=waiting, attempts=0, next_attempt_at=Now(), finished_at=None):
        raise NotFound("No failed message has this id.")


def send_test(organisation_id: str, endpoint_id: str) -> WebhookDelivery:
    endpoint = find(organisation_id, endpoint_id)
    return emit_to(endpoint, "webhook.test", {"message": "Hello from Smarter."})


def _require_callable(url: str) -> None:
    """Names are resolved when something is sent, not now: they may come to lead elsewhere."""
    try:
        guard.check(url)
    except guard.NotAllowed as error:
        raise InvalidRequest(str(error), param="url") from error


def _facts(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in _FACTS}


def _record(
    endpoint: WebhookEndpoint, action: str, by: str, address: str | None, **facts: Any
) -> None:
    AuditEntry.objects.create(
        organisation_id=endpoint.organisation_id, actor=by, action=action, target=endpoint.id,
        address=address, **facts,
    )  # fmt: skip
