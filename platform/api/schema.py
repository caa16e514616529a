"""How resources describe themselves in /openapi.json: every operation can answer our error."""

from typing import Any, Final, Literal

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from api import health


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
    """drf-spectacular's preprocessing hook: resources answer without /v1 too, some of them under
    /resources as well; said once."""
    return [
        endpoint
        for endpoint in endpoints
        if endpoint[0].startswith("/v1/") and not endpoint[0].startswith("/v1/resources/")
    ]


def add_health(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """drf-spectacular's postprocessing hook: probes are answered before Django, without a key."""
    del generator, request, public
    result["components"]["schemas"]["Health"] = _HEALTH
    for path, summary in health.SUMMARIES.items():
        result["paths"][path] = {
            "get": {
                "operationId": path.strip("/").replace("/", "_"),
                "summary": summary,
                "tags": ["service"],
                "security": [],
                "responses": {
                    "200": {"description": "Yes.", "content": _json("Health")},
                    "default": {"description": "Any error.", "content": _json("Error")},
                },
            }
        }
    return result


_HEALTH: Final = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"type": "string", "enum": ["ok"]},
        "redis": {"type": "string", "enum": ["ok", "away"]},
    },
}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
