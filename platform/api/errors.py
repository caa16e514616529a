"""Every error a client can meet, in one tree; each knows its status, type and code.

    ApiError                       status  type                     code
    ├── InvalidRequest             400     invalid_request_error    (names the parameter)
    │   ├── InvalidManifest        400     invalid_request_error    invalid_manifest
    │   └── BodyTooLarge           413     invalid_request_error    request_too_large
    ├── Unauthenticated            401     invalid_request_error    invalid_api_key
    ├── Forbidden                  403     permission_error         insufficient_scope
    │   ├── InsufficientBalance    403     insufficient_balance     insufficient_balance
    │   │   └── SpendingCapReached 403     insufficient_balance     spending_cap_reached
    │   ├── KeyBudgetExceeded      403     insufficient_balance     key_budget_exceeded
    │   ├── BudgetExhausted        403     insufficient_balance     budget_exhausted
    │   ├── ChatbotUnavailable     403     permission_error         chatbot_unavailable
    │   ├── ModelNotAllowed        403     permission_error         model_not_allowed
    │   └── StorageQuotaExceeded   403     permission_error         storage_quota_exceeded
    ├── NotFound                   404     invalid_request_error    not_found
    │   └── ModelNotFound          404     invalid_request_error    model_not_found
    ├── MethodNotAllowed           405     invalid_request_error    method_not_allowed
    ├── RequestTimeout             408     invalid_request_error    request_timeout
    ├── ResponseInProgress         409     invalid_request_error    response_in_progress
    ├── IdempotencyInFlight        409     idempotency_error        idempotency_in_flight
    ├── IdempotencyMismatch        422     idempotency_error        idempotency_key_reused
    ├── IdempotencyLost            409     idempotency_error        idempotency_answer_lost
    ├── RateLimited                429     rate_limit_error         rate_limit_exceeded
    │   └── LargerThanLimit        429     rate_limit_error         (waiting will not help)
    ├── InternalError              500     server_error             internal_error
    ├── StorageFull                507     server_error             storage_full
    └── Unavailable                503     server_error             service_unavailable
        ├── DatabaseUnavailable    503     server_error             database_unavailable
        ├── StorageUnavailable     503     server_error             storage_unavailable
        ├── ModelUnavailable       503     server_error             model_unavailable
        └── ServerOverloaded       503     server_error             server_overloaded

The body always has the four keys of OpenAI's envelope: message, type, param, code.
"""

import math
from typing import ClassVar


class ApiError(Exception):
    """`hint`: the call that helps a program on, told after the message; people have pages."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        self.message = f"{message} {hint}" if hint else message
        super().__init__(self.message)
        self.hint = hint
        self.param = param
        self.error_code = code or self.code
        self.retry_after = retry_after

    def body(self) -> dict[str, dict[str, str | None]]:
        """OpenAI's error envelope."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.error_code,
            }
        }

    def headers(self) -> dict[str, str]:
        """Retry hints: whole seconds for everybody, milliseconds for SDKs that read them."""
        if self.retry_after is None:
            return {}
        return {
            "retry-after": str(math.ceil(self.retry_after)),
            "retry-after-ms": str(math.ceil(self.retry_after * 1000)),
        }


class InvalidRequest(ApiError):
    status = 400
    type = "invalid_request_error"


class InvalidManifest(InvalidRequest):
    """The message has file, line and field; `param` is the field."""

    code = "invalid_manifest"


class BodyTooLarge(InvalidRequest):
    status = 413
    code = "request_too_large"


class Unauthenticated(ApiError):
    status = 401
    type = "invalid_request_error"  # as OpenAI's own 401
    code = "invalid_api_key"

    def headers(self) -> dict[str, str]:
        return {"www-authenticate": "Bearer"}


class Forbidden(ApiError):
    status = 403
    type = "permission_error"
    code = "insufficient_scope"


class InsufficientBalance(Forbidden):
    type = "insufficient_balance"
    code = "insufficient_balance"


class SpendingCapReached(InsufficientBalance):
    """The organisation's own, for its month; topping up changes nothing."""

    code = "spending_cap_reached"


class KeyBudgetExceeded(Forbidden):
    type = "insufficient_balance"
    code = "key_budget_exceeded"


class BudgetExhausted(Forbidden):
    """A chatbot's own, for its day or month."""

    type = "insufficient_balance"
    code = "budget_exhausted"


class ChatbotUnavailable(Forbidden):
    """Paused, or never published: no retry changes that."""

    code = "chatbot_unavailable"


class ModelNotAllowed(Forbidden):
    code = "model_not_allowed"


class StorageQuotaExceeded(Forbidden):
    code = "storage_quota_exceeded"


class NotFound(ApiError):
    status = 404
    type = "invalid_request_error"
    code = "not_found"


class ModelNotFound(NotFound):
    code = "model_not_found"


class MethodNotAllowed(ApiError):
    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class RequestTimeout(ApiError):
    """The client stopped in the middle of its call. SDKs try it again."""

    status = 408
    type = "invalid_request_error"
    code = "request_timeout"


class ResponseInProgress(ApiError):
    """A conversation has one answer at a time."""

    status = 409
    type = "invalid_request_error"
    code = "response_in_progress"


class IdempotencyInFlight(ApiError):
    status = 409
    type = "idempotency_error"
    code = "idempotency_in_flight"


class IdempotencyMismatch(ApiError):
    status = 422
    type = "idempotency_error"
    code = "idempotency_key_reused"


class IdempotencyLost(ApiError):
    """The first attempt was charged, then its answer died in a crash; no retry pays twice."""

    status = 409
    type = "idempotency_error"
    code = "idempotency_answer_lost"

    def headers(self) -> dict[str, str]:
        return {"x-should-retry": "false"}


class RateLimited(ApiError):
    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class LargerThanLimit(RateLimited):
    """One call asks for more than a whole minute allows."""

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "x-should-retry": "false"}


class InternalError(ApiError):
    code = "internal_error"


class StorageFull(ApiError):
    """The server's disk, not the organisation's quota; SDKs would try again at once, in vain."""

    status = 507
    code = "storage_full"

    def headers(self) -> dict[str, str]:
        return {"x-should-retry": "false"}


class Unavailable(ApiError):
    status = 503
    code = "service_unavailable"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float = 1.0,
    ) -> None:
        super().__init__(message, param=param, code=code, retry_after=retry_after)


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"


class StorageUnavailable(Unavailable, OSError):
    """Where the files lie is out of reach. An OSError, too: jobs wait and try again."""

    code = "storage_unavailable"


class ModelUnavailable(Unavailable):
    code = "model_unavailable"


class ServerOverloaded(Unavailable):
    code = "server_overloaded"
