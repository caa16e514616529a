"""What went wrong in an engine or a database, in the words and status codes of the API."""

import logging
from typing import Final

import psycopg

from api.errors import (
    ApiError,
    DatabaseUnavailable,
    InternalError,
    InvalidRequest,
    ModelUnavailable,
    ServerOverloaded,
    Unavailable,
)
from inference.engines.base import (
    ContextTooLong,
    EngineError,
    EngineOverloaded,
    EngineUnavailable,
    InvalidGeneration,
)

DATABASE_AWAY: Final = (DatabaseUnavailable, psycopg.OperationalError)
"""What passes by itself: no server, or one too busy for a statement."""
logger = logging.getLogger(__name__)


def api_error(error: Exception) -> ApiError:
    """`error` as a client may see it; what we did not foresee is logged and stays unexplained."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, EngineError):
        return _of_engine(error)
    if isinstance(error, psycopg.OperationalError):
        return ServerOverloaded("The database is busy. Try again in a moment.")
    logger.error("run_failed", exc_info=error)
    return InternalError("The server failed on this request. Try again, or report its request id.")


def _of_engine(error: EngineError) -> ApiError:
    match error:
        case ContextTooLong():
            return InvalidRequest(str(error), param=error.param, code="context_length_exceeded")
        case InvalidGeneration():
            return InvalidRequest(str(error), param=error.param, code="invalid_value")
        case EngineOverloaded():
            return ServerOverloaded(str(error), retry_after=error.retry_after)
        case EngineUnavailable():
            return ModelUnavailable(str(error), retry_after=2)
    return Unavailable(str(error), code="generation_failed")
