"""Responses: from a request to a Run whose events can be followed, left and resumed.

`begin` makes a ResponseRun; `context_of` and `generation_of` are what it reads and asks for.
"""

from inference.responses.beginning import begin, drafted
from inference.responses.context import Context, context_of
from inference.responses.generation import generation_of
from inference.responses.losing import fail_lost
from inference.responses.response_run import ResponseRun
from inference.schemas.responses import parse_request

__all__ = [
    "Context",
    "ResponseRun",
    "begin",
    "context_of",
    "drafted",
    "fail_lost",
    "generation_of",
    "parse_request",
]
