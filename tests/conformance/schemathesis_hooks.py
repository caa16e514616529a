"""Hooks for schemathesis: bodies that it makes up name the model under test, and so reach it."""

import os
from typing import Any

import schemathesis  # type: ignore[import-not-found] # installed in an environment of its own

MODEL = os.environ["CONFORMANCE_MODEL"]


@schemathesis.hook  # type: ignore[untyped-decorator] # as above
def before_call(_context: Any, case: Any, _arguments: Any) -> None:
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("model"), str):
        body["model"] = MODEL
