"""Who is calling: one header, one SQL statement, the same rules on both doors.

`authenticate` is the generating routes' way (asynchronous pool); `APIKeyAuthentication` is DRF's.
Revocation, and any other change, bites on the next call: a key is asked about by every call, or is
`remembered` and then asked about by the hold of the call's money, before anything is told. Calls
that come while a statement is away are asked about together, by the next statement.
"""

import asyncio
import time
import weakref
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.db import connection
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import key_material, last_use, metering, scopes
from api import addresses, database, rate_limits, request_ids
from api.batching import Batcher
from api.errors import Forbidden, Unauthenticated
from api.rate_limits import Limits

MISSING: Final = "Send an API key in the header 'Authorization: Bearer sk-...'."
REMEMBERED_SECONDS: Final = 10.0
_MANY: Final = 10_000
WRONG: Final = "Incorrect API key provided: it is wrong, expired or revoked."


@dataclass(frozen=True, slots=True)
class Proof:
    """A key as it is remembered: only while its stamp is this one may its calls go on."""

    digest: str
    stamp: str


@dataclass(frozen=True, slots=True)
class Caller:
    """The key behind a call, and what it may do.

    Limits and budgets count under `meter_id`: the first of the keys rotated into this one.
    """

    organisation_id: str
    key_id: str
    meter_id: str
    scopes: frozenset[str]
    allowed_models: tuple[str, ...] | None
    limits: Limits
    default_model: str | None
    budget_nano: int | None
    budget_period: str | None
    user_id: str | None
    proof: Proof | None = None

    @property
    def is_authenticated(self) -> bool:
        """DRF asks this of whoever calls."""
        return True

    def require(self, scope: str) -> None:
        """Raises Forbidden when the key lacks `scope`."""
        if scope not in self.scopes:
            raise Forbidden(f"This API key lacks the scope '{scope}'.")


async def authenticate(
    authorization: str | None, address: str | None, program: str | None = None
) -> Caller:
    """The caller behind an Authorization header (`address` from `api.addresses.of_scope`,
    `program` what it says of itself: User-Agent).

    Raises Unauthenticated (missing, wrong, expired or revoked key; its user locked out or gone),
    Forbidden (suspended organisation, address not allowed, publishable key), DatabaseUnavailable.
    Registers the rate-limit headers for whatever answer follows.
    """
    digest = _digest(authorization)
    found = await _asking().ask(digest)
    _remember(digest, found)
    caller = _caller(found, address)
    if last_use.is_due(caller.key_id):
        database.later(last_use.write(caller.key_id, address, program))
    return caller


def remembered(authorization: str | None, address: str | None) -> Caller | None:
    """The caller as `authenticate` has found them within REMEMBERED_SECONDS, with the proof that
    `ledger.hold` asks for. Until that has found the key unchanged nobody may be told anything.

    Raises Unauthenticated, Forbidden.
    """
    until, row, caller = _memory.get(_digest(authorization), _FORGOTTEN)
    if row is None or caller is None or until < time.monotonic():
        return None
    _let_in(row, caller, address)
    return caller


def forget_all() -> None:
    """Remember no key (a test's wish)."""
    _memory.clear()


async def caller_of_key(key_id: str) -> Caller:
    """Whose work goes on when the call that asked for it is over: the key as it is now.

    Where it may be used from was asked at that call. Raises what `authenticate` raises.
    """
    async with database.connection() as pooled:
        found = await (await pooled.execute(_FIND_BY_ID, (key_id,))).fetchone()
    return _caller(found, None, anywhere=True)


async def still_good(key_ids: Collection[str]) -> set[str]:
    """Those of these keys that would be let in now: for whoever holds a connection open."""
    async with database.connection() as pooled:
        rows = await (await pooled.execute(_FIND_GOOD, (list(key_ids),))).fetchall()
    return {_Row(*row).key_id for row in rows}


class APIKeyAuthentication(BaseAuthentication):
    """DRF's door: `request.auth` and `request.user` are the Caller; the request limit counts."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller]:
        digest = _digest(request.META.get("HTTP_AUTHORIZATION"))
        with connection.cursor() as cursor:
            cursor.execute(_FIND, (digest,))
            found = cursor.fetchone()
        address = address_of(request)
        caller = _caller(found, address)
        if last_use.is_due(caller.key_id):
            last_use.write_now(caller.key_id, address, request.META.get("HTTP_USER_AGENT"))
        metering.take_request(caller)
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        del request
        return "Bearer"


def has_scope(scope: str) -> type[BasePermission]:
    """`permission_classes = [has_scope("usage:read")]`."""

    class HasScope(BasePermission):
        def has_permission(self, request: Request, view: object) -> bool:
            del view
            caller_of(request).require(scope)
            return True

    return HasScope


def caller_of(request: Request) -> Caller:
    """Who calls a DRF view; raises Unauthenticated where nobody was asked."""
    if not isinstance(request.auth, Caller):
        raise Unauthenticated(MISSING)
    return request.auth


def address_of(request: Request) -> str | None:
    """Where a DRF request comes from."""
    return addresses.of_request(request._request)  # noqa: SLF001 - DRF offers no other way


_Asking: TypeAlias = Batcher[str, Sequence[Any] | None]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of _FIND, in its order."""

    organisation_id: str
    key_id: str
    meter_id: str
    kind: str
    scopes: list[str]
    allowed_models: list[str] | None
    cidrs: list[str]
    requests_per_minute: int
    tokens_per_minute: int
    default_model: str | None
    budget_nano: int | None
    budget_period: str | None
    user_id: str | None
    role: str | None
    suspended: bool
    stamp: str

    def caller(self, proof: Proof | None = None) -> Caller:
        return Caller(
            organisation_id=self.organisation_id,
            key_id=self.key_id,
            meter_id=self.meter_id,
            scopes=_scopes(self.scopes, self.role),
            allowed_models=None if self.allowed_models is None else tuple(self.allowed_models),
            limits=Limits(self.requests_per_minute, self.tokens_per_minute),
            default_model=self.default_model,
            budget_nano=self.budget_nano,
            budget_period=self.budget_period,
            user_id=self.user_id,
            proof=proof,
        )


_FIND_KEY: Final = """
    SELECT organisation_id, key_id, meter_id, kind, scopes, allowed_models, cidrs,
           requests_per_minute, tokens_per_minute, default_model, budget_nano, budget_period,
           user_id, role, suspended, stamp
      FROM accounts_good_keys()
     WHERE
"""
_FIND: Final = f"{_FIND_KEY} digest = %s"
_FIND_THESE: Final = database.Statement(
    f"{_FIND_KEY} digest = ANY($1::text[])".replace("SELECT", "SELECT digest,", 1)
)
_FIND_BY_ID: Final = f"{_FIND_KEY} key_id = %s"
_FIND_GOOD: Final = f"{_FIND_KEY} key_id = ANY(%s) AND NOT suspended"


_asking_of: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Asking]" = (
    weakref.WeakKeyDictionary()
)


def _asking() -> _Asking:
    loop = asyncio.get_running_loop()
    if loop not in _asking_of:
        _asking_of[loop] = Batcher(_find_these, "keys")
    return _asking_of[loop]


_Memory: TypeAlias = tuple[float, _Row | None, Caller | None]
_FORGOTTEN: Final[_Memory] = (0.0, None, None)
_memory: dict[str, _Memory] = {}


def _remember(digest: str, found: Sequence[Any] | None) -> None:
    if found is None:
        _memory.pop(digest, None)
        return
    if len(_memory) >= _MANY:
        _memory.clear()
    row = _Row(*found)
    caller = row.caller(Proof(digest, row.stamp))
    _memory[digest] = (time.monotonic() + REMEMBERED_SECONDS, row, caller)


async def _find_these(digests: Sequence[str]) -> Sequence[Sequence[Any] | None]:
    rows = await _FIND_THESE.ask(f"{{{','.join(digests)}}}")  # hexadecimal digits
    found = {digest: row for digest, *row in rows}
    return [found.get(digest) for digest in digests]


def _digest(authorization: str | None) -> str:
    scheme, _, key = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated(MISSING)
    if not key_material.is_well_formed(key := key.strip()):
        raise Unauthenticated(WRONG)
    return key_material.digest(key)


def _caller(found: Sequence[Any] | None, address: str | None, *, anywhere: bool = False) -> Caller:
    if found is None:
        raise Unauthenticated(WRONG)
    row = _Row(*found)
    _let_in(row, caller := row.caller(), address, anywhere=anywhere)
    return caller


def _let_in(row: _Row, caller: Caller, address: str | None, *, anywhere: bool = False) -> None:
    request_ids.stamp(lambda: rate_limits.headers(caller.meter_id, caller.limits))
    if row.suspended:
        raise Forbidden("This organisation is suspended.", code="organisation_suspended")
    if row.kind == "publishable":
        raise Forbidden("A publishable key only opens chat widgets. Use a secret key (sk-...).")
    if row.cidrs and not anywhere and not addresses.within(address, row.cidrs):
        raise Forbidden("This key may not be used from your address.", code="address_not_allowed")


def _scopes(granted: Sequence[str], role: str | None) -> frozenset[str]:
    """A key never outranks its creator, also when their role shrank after they made it."""
    return frozenset(granted) & (scopes.ALL if role is None else scopes.OF_ROLE[role])
