"""Organisation: the settings of the organisation whose key it is."""

from django.db.models import QuerySet

from accounts import organisations
from accounts.actor import Actor
from accounts.models import Organisation
from accounts.serializers import OrganisationChangeSerializer
from api.errors import InvalidRequest
from manifests.kind import Asked, Kind, Made, Spec


class Organisations(Kind[Organisation]):
    name = "Organisation"
    about = "Settings of your organisation; its name here is the slug."
    example = ("ada-s-bakery", {"name": "Ada's bakery", "default_model": "smarter-mini"})
    scopes = ("admin",)
    checks = OrganisationChangeSerializer
    named = "slug"
    fields = ("name", "default_model")

    def rows(self, actor: Actor) -> QuerySet[Organisation]:
        return Organisation.objects.filter(pk=actor.caller.organisation_id)

    def status(self, row: Organisation) -> Spec:
        return {"id": row.id, "created_at": row.created_at.isoformat()}

    def write(self, asked: Asked[Organisation]) -> Made[Organisation]:
        if asked.row is None:
            raise asked.manifest.misnamed(
                "A key can change its own organisation only: name it by its slug."
            )
        return Made(organisations.change(asked.actor, asked.fields))

    def delete(self, actor: Actor, row: Organisation) -> None:
        raise InvalidRequest("An organisation is deleted by its owner, in the dashboard.")
