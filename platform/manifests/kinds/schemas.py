"""JSON Schemas of specs, made from the serializers that check them."""

from typing import Any

from drf_spectacular.drainage import reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from rest_framework.serializers import Serializer

from api.resource import Resource
from api.schema import Schema


def of(serializer: type[Serializer[Any]]) -> dict[str, Any]:
    """What a request with this body may hold."""
    inspector = Schema()
    inspector.view = Resource(request=None)
    inspector.method, inspector.registry = "POST", SchemaGenerator().registry  # type: ignore[no-untyped-call]  # the library leaves it untyped
    reset_generator_stats()
    schema: dict[str, Any] = inspector._map_serializer(serializer(), "request")  # type: ignore[no-untyped-call]  # noqa: SLF001 - there is no public, typed way to one
    return schema
