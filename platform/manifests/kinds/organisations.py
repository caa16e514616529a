"""Organisation: the settings of the organisation whose key it is."""

from accounts import organisations
from accounts.actor import Actor
from accounts.models import Organisation
from accounts.serializers import OrganisationChangeSerializer
from api.errors import InvalidRequest
from manifests.kinds import schemas
from manifests.kinds.base import Kind, Made, Spec, checked
from manifests.reading import Manifest

FIELDS = ("name", "default_model")


def _find(actor: Actor, name: str) -> Organisation | None:
    own = Organisation.objects.filter(pk=actor.caller.organisation_id)
    return own.filter(slug=name).first()


def _create(_actor: Actor, manifest: Manifest) -> Made:
    raise manifest.wrong("A key can change its own organisation only: name it by its slug.")


def _change(actor: Actor, row: Organisation, manifest: Manifest) -> Made:
    given = checked(manifest, OrganisationChangeSerializer, dict(manifest.spec))
    wanted = {name: value for name, value in given.items() if getattr(row, name) != value}
    return Made(organisations.change(actor, wanted) if wanted else row)


def _delete(_actor: Actor, _row: Organisation) -> None:
    raise InvalidRequest("An organisation is deleted by its owner, in the dashboard.")


def _spec(row: Organisation) -> Spec:
    return {name: getattr(row, name) for name in FIELDS}


KIND = Kind(
    name="Organisation",
    rank=0,
    about="Settings of your organisation; its name here is the slug.",
    example_name="ada-s-bakery",
    example={"name": "Ada's bakery", "default_model": "smarter-mini"},
    schema=lambda: schemas.of(OrganisationChangeSerializer),
    require=lambda actor: actor.caller.require("admin"),
    find=_find,
    names=lambda actor: [Organisation.objects.get(pk=actor.caller.organisation_id).slug],
    spec=_spec,
    status=lambda row: {"id": row.id, "created_at": row.created_at.isoformat()},
    create=_create,
    change=_change,
    delete=_delete,
)
