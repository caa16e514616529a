"""How resources describe themselves in /openapi.json: every operation can answer our error."""

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers


class ErrorDetailSerializer(serializers.Serializer[Any]):
    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    code = serializers.CharField(allow_null=True)


class ErrorSerializer(serializers.Serializer[Any]):
    error = ErrorDetailSerializer()


class Schema(AutoSchema):
    def _get_response_bodies(
        self, direction: Literal["request", "response"] = "response"
    ) -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        error = self._get_response_for_code(  # type: ignore[no-untyped-call] # untyped there
            ErrorSerializer, "default", direction=direction
        )
        return {**bodies, "default": {**error, "description": "Any error."}}


Endpoint = tuple[str, str, str, Any]


def only_prefixed(endpoints: list[Endpoint]) -> list[Endpoint]:
    """drf-spectacular's preprocessing hook: resources answer without /v1 too, said once."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/v1/")]
