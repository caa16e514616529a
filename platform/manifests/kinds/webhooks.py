"""Webhook: an address that is told of events; the secret is shown when it is created, once."""

from accounts.actor import Actor
from accounts.models import WebhookEndpoint
from accounts.webhook_views import WebhookChangeSerializer, WebhookCreateSerializer
from accounts.webhooks import endpoints
from api.errors import InvalidRequest
from manifests.kinds import schemas
from manifests.kinds.base import Kind, Made, Spec, checked
from manifests.reading import Manifest

FIELDS = ("url", "events", "enabled")


def _find(actor: Actor, name: str) -> WebhookEndpoint | None:
    mine = WebhookEndpoint.objects.filter(organisation_id=actor.caller.organisation_id)
    found = list(mine.filter(description=name)[:2])
    if len(found) > 1:
        raise InvalidRequest(f"Two webhooks are described as {name}. Describe one otherwise.")
    return found[0] if found else None


def _names(actor: Actor) -> list[str]:
    mine = WebhookEndpoint.objects.filter(organisation_id=actor.caller.organisation_id)
    return sorted(set(mine.exclude(description="").values_list("description", flat=True)))


def _create(actor: Actor, manifest: Manifest) -> Made:
    given = {**manifest.spec, "description": manifest.name}
    fields = checked(manifest, WebhookCreateSerializer, given)
    endpoint, secret = endpoints.create(_organisation(actor), fields, _by(actor), actor.address)
    return Made(endpoint, {"secret": secret})


def _change(actor: Actor, row: WebhookEndpoint, manifest: Manifest) -> Made:
    fields = checked(manifest, WebhookChangeSerializer, dict(manifest.spec))
    wanted = {name: value for name, value in fields.items() if getattr(row, name) != value}
    if not wanted:
        return Made(row)
    organisation_id = _organisation(actor)
    return Made(endpoints.change(organisation_id, row.id, wanted, _by(actor), actor.address))


def _delete(actor: Actor, row: WebhookEndpoint) -> None:
    endpoints.delete(_organisation(actor), row.id, _by(actor), actor.address)


def _organisation(actor: Actor) -> str:
    return actor.caller.organisation_id


def _by(actor: Actor) -> str:
    return actor.caller.user_id or actor.caller.key_id


def _spec(row: WebhookEndpoint) -> Spec:
    return {name: getattr(row, name) for name in FIELDS}


KIND = Kind(
    name="Webhook",
    rank=2,
    about="An address that is told of events; its name is its description.",
    example_name="our billing",
    example={"url": "https://shop.example/hooks", "events": ["balance.low"]},
    schema=lambda: schemas.of(WebhookCreateSerializer),
    require=lambda actor: actor.caller.require("admin"),
    find=_find,
    names=_names,
    spec=_spec,
    status=lambda row: {"id": row.id},
    create=_create,
    change=_change,
    delete=_delete,
)
