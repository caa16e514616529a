"""The generating routes in the API's description, from the schemas that read and pin bodies."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from inference.gateway.operations import Operation, Operations
from inference.gateway.routes import DEPLOYMENTS, DESCRIPTIONS, OF_A_MODEL, PREFIXES
from inference.stored_completions import schemas as stored

REF: Final = "#/components/schemas/{model}"
OF_AZURE: Final = "_of_deployment"
AZURE: Final = " For Azure's clients: the deployment is the model, the key may stand in `api-key`."


def add_generating_routes(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """A post-processing hook of drf-spectacular."""
    del generator, request, public
    add(result, DESCRIPTIONS, stored.DESCRIBED)
    return result


def add(
    result: dict[str, Any], described: Operations, more: Sequence[type[BaseModel]] = ()
) -> None:
    """These operations and all schemas that they use; `more` schemas are used by others."""
    models = dict.fromkeys(model for _, _, one in _each(described) for model in one.models)
    models |= dict.fromkeys(more)
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template=REF
    )
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    new = definitions["$defs"]
    if taken := [name for name in schemas.keys() & new.keys() if schemas[name] != new[name]]:
        raise ValueError(f"Two schemas of the description have the same name: {sorted(taken)}")
    schemas.update(new)
    paths = result.setdefault("paths", {})
    for path, method, operation in _each(described):
        for place, suffix in _places(path):
            # Django's resources may stand there, too, under other methods.
            paths.setdefault(place, {})[method] = _described(place, operation, suffix)


def _each(described: Operations) -> Iterator[tuple[str, str, Operation]]:
    for path, methods in described.items():
        for method, operation in methods.items():
            yield path, method, operation


def _places(path: str) -> Iterator[tuple[str, str]]:
    """Where a path is mounted, and what tells its operation ids apart there."""
    for prefix in PREFIXES:
        yield prefix + path, "" if prefix else "_without_prefix"
    if path in {route.path for route in OF_A_MODEL}:
        yield f"{DEPLOYMENTS}/{{model}}{path}", OF_AZURE


def _described(path: str, operation: Operation, suffix: str) -> dict[str, Any]:
    described = {
        "operationId": operation.id + suffix,
        "summary": operation.summary,
        "description": operation.description + (AZURE if suffix == OF_AZURE else ""),
        "tags": [operation.tag],
        "security": [{"APIKey": []}],
        "parameters": [*_in_path(path), *operation.parameters],
        "responses": {
            "200": _answer(operation),
            "default": {"description": "Any error.", "content": _json("Error")},
        },
    }
    if operation.request:
        described["requestBody"] = {"required": True, "content": _json(operation.request)}
    return described


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)", path)
    ]


def _answer(operation: Operation) -> dict[str, Any]:
    content = _json(operation.answer)
    if operation.event is None:
        return {"description": "The answer.", "content": content}
    return {
        "description": "The answer, or its stream.",
        "headers": {"x-request-cost": _COST},
        "content": {**content, "text/event-stream": {"schema": _ref(operation.event)}},
    }


_COST: Final = {
    "description": "What the call cost, in USD; not on streams.",
    "schema": {"type": "string"},
}


def _json(model: type[BaseModel] | str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(model)}}


def _ref(model: type[BaseModel] | str) -> dict[str, str]:
    return {"$ref": REF.format(model=model if isinstance(model, str) else model.__name__)}
