"""What a kind of manifest can do, and how serializers of the API check its spec."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework.serializers import Serializer

from accounts.actor import Actor
from api.errors import ApiError, InvalidManifest
from manifests.reading import Manifest

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """A resource after a change; `secrets` are shown this once."""

    row: Any
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: `rank` orders a folder (what others need comes first).

    `find` answers None for what is not there, also where it is someone else's. `spec` and `apply`
    are inverse: what `spec` tells of a row, `apply` takes and changes nothing.
    """

    name: str
    rank: int
    about: str
    example_name: str
    example: Spec
    schema: Callable[[], dict[str, Any]]
    require: Callable[[Actor], None]
    find: Callable[[Actor, str], Any]
    names: Callable[[Actor], list[str]]
    spec: Callable[[Any], Spec]
    status: Callable[[Any], Spec]
    create: Callable[[Actor, Manifest], Made]
    change: Callable[[Actor, Any, Manifest], Made]
    delete: Callable[[Actor, Any], None]


def checked(manifest: Manifest, serializer: type[Serializer[Any]], given: Spec) -> Spec:
    """`given` through a serializer of the API; its first complaint at the manifest's line."""
    asked = serializer(data=given)
    if not asked.is_valid():
        path, message = first_complaint(asked.errors)
        raise manifest.wrong(message, *path)
    found: Spec = asked.validated_data
    return found


def first_complaint(detail: Any) -> tuple[tuple[str | int, ...], str]:
    """The field of the first complaint in a serializer's errors, and its sentence."""
    path: list[str | int] = []
    while not isinstance(detail, str):
        if isinstance(detail, Mapping):
            name, detail = next(iter(detail.items()))
            if name != "non_field_errors":
                path.append(name)
        else:
            place = next(i for i, each in enumerate(detail) if each)
            if not isinstance(detail[place], str):
                path.append(place)
            detail = detail[place]
    return tuple(path), detail


def at_its_line(manifest: Manifest, error: ApiError) -> ApiError:
    """A refusal of a verb, told at the field that it names; others stay as they are."""
    if error.param is None or isinstance(error, InvalidManifest):
        return error
    if error.param == "name":
        return manifest.misnamed(error.message)
    return manifest.wrong(error.message, *error.param.split("."))
