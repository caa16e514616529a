"""JSON Schemas of specs, made from what the API checks them with."""

from typing import Any

from drf_spectacular.drainage import reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from pydantic import BaseModel

from api.resource import Resource
from api.schema import Schema
from manifests.kind import Kind


def of(kind: Kind[Any]) -> dict[str, Any]:
    """What `spec` may hold."""
    if issubclass(kind.checks, BaseModel):
        return kind.checks.model_json_schema()
    inspector = Schema()
    inspector.view = Resource(request=None)
    inspector.method, inspector.registry = "POST", SchemaGenerator().registry  # type: ignore[no-untyped-call]  # the library leaves it untyped
    reset_generator_stats()
    schema: dict[str, Any] = inspector._map_serializer(kind.checks(), "request")  # type: ignore[no-untyped-call]  # noqa: SLF001 - there is no public, typed way to one
    schema["properties"].pop(kind.named, None)  # metadata.name says it
    required = [name for name in schema.pop("required", []) if name != kind.named]
    return {**schema, "additionalProperties": False, **({"required": required} if required else {})}
