"""Webhook: an address that is told of events; the secret is shown when it is created, once."""

from django.db.models import QuerySet

from accounts.actor import Actor
from accounts.models import WebhookEndpoint
from accounts.webhook_views import WebhookCreateSerializer
from accounts.webhooks import endpoints
from manifests.kind import Asked, Kind, Made


class Webhooks(Kind[WebhookEndpoint]):
    name = "Webhook"
    about = "An address that is told of events; its name is its description."
    example = ("our billing", {"url": "https://shop.example/hooks", "events": ["balance.low"]})
    scopes = ("admin",)
    checks = WebhookCreateSerializer
    named = "description"
    fields = ("url", "events", "enabled")

    def rows(self, actor: Actor) -> QuerySet[WebhookEndpoint]:
        mine = WebhookEndpoint.objects.filter(organisation_id=actor.caller.organisation_id)
        return mine.exclude(description="")

    def write(self, asked: Asked[WebhookEndpoint]) -> Made[WebhookEndpoint]:
        mine, by, address = _who(asked.actor)
        if asked.row is not None:
            return Made(endpoints.change(mine, asked.row.id, asked.fields, by, address))
        endpoint, secret = endpoints.create(mine, asked.fields, by, address)
        return Made(endpoint, {"secret": secret})

    def delete(self, actor: Actor, row: WebhookEndpoint) -> None:
        mine, by, address = _who(actor)
        endpoints.delete(mine, row.id, by, address)


def _who(actor: Actor) -> tuple[str, str, str | None]:
    caller = actor.caller
    return caller.organisation_id, caller.user_id or caller.key_id, actor.address
