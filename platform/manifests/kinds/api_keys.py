"""APIKey: a key by its name; the key itself is shown when it is created, once."""

from django.db.models import QuerySet

from accounts import keys
from accounts.actor import Actor
from accounts.models import APIKey
from accounts.serializers import APIKeyCreateSerializer, APIKeySerializer
from manifests.kind import Asked, Kind, Made, Spec


class APIKeys(Kind[APIKey]):
    name = "APIKey"
    about = "A key of the API; deleting it revokes it."
    example = (
        "for the shop", {"scopes": ["inference"], "budget": "5.00", "budget_period": "month"},
    )  # fmt: skip
    scopes = ("keys:write",)
    checks = APIKeyCreateSerializer
    fields = (
        "kind", "scopes", "allowed_models", "cidrs", "requests_per_minute", "tokens_per_minute",
        "budget", "budget_period", "expires_at",
    )  # fmt: skip

    def rows(self, actor: Actor) -> QuerySet[APIKey]:
        """Keys that can be called with and are no rotation's past."""
        own = APIKey.objects.for_organisation(actor.caller.organisation_id)
        return own.usable().filter(replaced_by=None)

    def spec(self, row: APIKey) -> Spec:
        shown = APIKeySerializer(row).data
        return {name: shown[name] for name in self.fields}

    def status(self, row: APIKey) -> Spec:
        return {"id": row.id, "redacted": row.redacted}

    def write(self, asked: Asked[APIKey]) -> Made[APIKey]:
        if asked.row is None:
            key, plaintext = keys.create(asked.actor, asked.fields)
            return Made(key, {"key": plaintext})
        if "kind" in asked.fields:
            raise asked.manifest.wrong("The kind of a key does not change. Make a new one.", "kind")
        return Made(keys.change(asked.actor, asked.row.id, asked.fields))

    def delete(self, actor: Actor, row: APIKey) -> None:
        keys.revoke(actor, row.id)
