"""What went wrong in an engine, in the words and status codes of the API."""

import logging

from api.errors import (
    ApiError,
    InternalError,
    InvalidRequest,
    ModelUnavailable,
    ServerOverloaded,
    Unavailable,
)
from inference.engines.base import (
    ContextTooLong,
    EngineOverloaded,
    EngineUnavailable,
    GenerationFailed,
    InvalidGeneration,
)

logger = logging.getLogger(__name__)


def api_error(error: Exception) -> ApiError:
    """`error` as a client may see it; what we did not foresee is logged and stays unexplained."""
    match error:
        case ApiError():
            return error
        case InvalidGeneration():
            too_long = isinstance(error, ContextTooLong)
            code = "context_length_exceeded" if too_long else "invalid_value"
            return InvalidRequest(str(error), param=error.param, code=code)
        case EngineOverloaded():
            return ServerOverloaded(str(error), retry_after=error.retry_after)
        case EngineUnavailable():
            return ModelUnavailable(str(error), retry_after=2)
        case GenerationFailed():
            return Unavailable(str(error), code="generation_failed")
    logger.error("run_failed", exc_info=error)
    return InternalError("The server failed on this request. Try again, or report its request id.")
