"""What every kind of manifest does alike: find, compare, check, and tell at which line."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from django.db.models import Model, QuerySet
from pydantic import BaseModel
from rest_framework.serializers import Serializer

from accounts.actor import Actor
from api.errors import ApiError, InvalidManifest, InvalidRequest
from api.strict_yaml import Place
from inference.schemas.refusals import parse
from manifests.reading import Manifest

Spec = dict[str, Any]
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Asked(Generic[Row]):
    """A change: `fields` are checked, and of a `row` that there is only what differs from it.

    What the database does not take back by itself is told to `undo`.
    """

    actor: Actor
    manifest: Manifest
    row: Row | None
    fields: Spec
    undo: ExitStack


@dataclass(frozen=True, slots=True)
class Made(Generic[Row]):
    """A resource after a change; `secrets` are shown this once."""

    row: Row
    secrets: Mapping[str, str] = field(default_factory=dict)


class Kind(ABC, Generic[Row]):
    """One kind: what it is called, which schema of the API checks it, which verbs change it.

    What `spec` tells of a row, `apply` takes and changes nothing.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    example: ClassVar[tuple[str, Spec]]  # a name, a spec
    scopes: ClassVar[tuple[str, ...]]
    checks: ClassVar[type[Serializer[Any]] | type[BaseModel]]
    named: ClassVar[str] = "name"  # the field that metadata.name is; the spec has none so called
    fields: ClassVar[tuple[str, ...]] = ()
    merges: ClassVar[bool] = True  # what a spec leaves out is checked as it is now

    @abstractmethod
    def rows(self, actor: Actor) -> QuerySet[Row]:
        """All that the caller can see."""

    @abstractmethod
    def write(self, asked: Asked[Row]) -> Made[Row]:
        """Makes or changes it by the verbs of the API."""

    @abstractmethod
    def delete(self, actor: Actor, row: Row) -> None: ...

    def require(self, actor: Actor) -> None:
        for scope in self.scopes:
            actor.caller.require(scope)

    def find(self, actor: Actor, name: str) -> Row | None:
        """None for what is not there, also where it is someone else's."""
        found = list(self.rows(actor).filter(**{self.named: name})[:2])
        if len(found) > 1:
            raise InvalidRequest(f"Two of {self.name} are called {name}. Call one otherwise.")
        return found[0] if found else None

    def names(self, actor: Actor) -> list[str]:
        return sorted(set(self.rows(actor).values_list(self.named, flat=True)))

    def spec(self, row: Row) -> Spec:
        return {name: getattr(row, name) for name in self.fields}

    def status(self, row: Row) -> Spec:
        return {"id": row.pk}

    def news(self, row: Row, fields: Spec) -> Spec:
        """Of what was asked, what the row does not say already."""
        return {name: v for name, v in fields.items() if getattr(row, name, fields) != v}

    def apply(
        self, actor: Actor, row: Row | None, manifest: Manifest, undo: ExitStack
    ) -> Made[Row]:
        """Raises ApiError, which names file, line and field wherever it knows a field."""
        try:
            fields = self._checked(row, manifest)
            if row is not None and not (fields := self.news(row, fields)):
                return Made(row)
            return self.write(Asked(actor, manifest, row, fields, undo))
        except InvalidManifest:
            raise
        except InvalidRequest as error:
            raise self._wrong(manifest, error.message, _place(error.param)) from error
        except ApiError as error:  # its status stays: the key may not, or there is no such thing
            if error.param is not None:
                told = self._wrong(manifest, error.message, _place(error.param))
                error.message, error.param = told.message, told.param
            raise

    def _checked(self, row: Row | None, manifest: Manifest) -> Spec:
        if self.named in manifest.spec:
            raise manifest.wrong("Unknown parameter: metadata.name says it.", self.named)
        if issubclass(self.checks, BaseModel):
            asked = parse(self.checks, manifest.spec)
            return asked.model_dump(mode="json", by_alias=True, exclude_unset=True)
        now = self.spec(row) if row is not None and self.merges else {}
        named = {self.named: manifest.name} if self.named in self.checks().fields else {}
        serializer = self.checks(data={**now, **manifest.spec, **named})
        if not serializer.is_valid():
            place, complaint = _first(serializer.errors)
            raise self._wrong(manifest, complaint, place)
        return dict(serializer.validated_data)

    def _wrong(self, manifest: Manifest, message: str, place: Place) -> InvalidManifest:
        if place == (self.named,):
            return manifest.misnamed(message)
        return manifest.wrong(message, *place)


def _place(param: str | None) -> Place:
    """`tools[0].name` → ("tools", 0, "name")."""
    steps = re.findall(r"[^.\[\]]+", param or "")
    return tuple(int(step) if step.isdecimal() else step for step in steps)


def _first(detail: Any) -> tuple[Place, str]:
    """Where the first complaint of a serializer's errors is, and its sentence."""
    place: list[str | int] = []
    while not isinstance(detail, str):
        inner = detail.items() if isinstance(detail, Mapping) else enumerate(detail)
        step, detail = next((step, each) for step, each in inner if each)
        if step != "non_field_errors" and not (isinstance(step, int) and isinstance(detail, str)):
            place.append(step)
    return tuple(place), detail
