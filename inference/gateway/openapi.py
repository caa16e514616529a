"""The generating routes in the API's description, from the schemas that read and pin bodies."""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from inference.gateway.routes import ENDPOINTS
from inference.schemas.answers import ChatCompletion, ChatCompletionChunk, Completion

ANSWERS: Final[dict[str, tuple[type[BaseModel], type[BaseModel]]]] = {  # whole, one event
    "/chat/completions": (ChatCompletion, ChatCompletionChunk),
    "/completions": (Completion, Completion),
}
SUMMARIES: Final = {
    "/chat/completions": "Create a chat completion",
    "/completions": "Create a completion (legacy)",
}
REF: Final = "#/components/schemas/{model}"


def add_generating_routes(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """A post-processing hook of drf-spectacular."""
    del generator, request, public
    models = [model for path in ENDPOINTS for model in (ENDPOINTS[path].schema, *ANSWERS[path])]
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template=REF
    )
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    if taken := schemas.keys() & definitions["$defs"].keys():
        raise ValueError(f"Two schemas of the description have the same name: {sorted(taken)}")
    schemas.update(definitions["$defs"])
    for path in ENDPOINTS:
        for prefix in ("/v1", ""):
            result.setdefault("paths", {})[prefix + path] = {"post": _operation(path, prefix)}
    return result


def _operation(path: str, prefix: str) -> dict[str, Any]:
    whole, event = ANSWERS[path]
    name = path.strip("/").replace("/", "_") + ("" if prefix else "_without_prefix")
    return {
        "operationId": f"create_{name}",
        "summary": SUMMARIES[path],
        "description": "With `stream: true` the answer is server-sent events, ended by `[DONE]`.",
        "tags": ["generation"],
        "security": [{"APIKey": []}],
        "parameters": [_IDEMPOTENCY_KEY],
        "requestBody": {"required": True, "content": _json(ENDPOINTS[path].schema)},
        "responses": {
            "200": {
                "description": "The answer, or its stream.",
                "headers": {"x-request-cost": _COST},
                "content": {**_json(whole), "text/event-stream": {"schema": _ref(event)}},
            },
            "default": {"description": "Any error.", "content": _json("Error")},
        },
    }


_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body again: one charge, one answer, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_COST: Final = {
    "description": "What the call cost, in USD; not on streams.",
    "schema": {"type": "string"},
}


def _json(model: type[BaseModel] | str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(model)}}


def _ref(model: type[BaseModel] | str) -> dict[str, str]:
    return {"$ref": REF.format(model=model if isinstance(model, str) else model.__name__)}
