"""Which model answers to a name: the question every generating call asks first."""

import asyncio
import json
import time
import weakref
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from api import database
from api.errors import InvalidRequest, ModelNotFound, ModelUnavailable
from inference.engines import registry, sockets
from inference.models import NAME_LENGTH, ModelAlias, ServedModel

DEFAULT_MODEL = "smarter-mini"  # for organisations that have chosen none
FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A model as one call sees it: it was asked for as `requested`, its price stands under `id`."""

    id: str
    requested: str
    engine: str
    context_window: int
    default_max_output: int
    capabilities: tuple[str, ...]
    owned_by: str
    created: int
    state: str
    organisation_id: str | None

    @property
    def socket(self) -> Path:
        """Where the engine process of the model, or of its base, listens, if it has one."""
        return sockets.path_for(self._adapted[1] if self.adapter else self.id, settings.DATA_DIR)

    @property
    def adapter(self) -> str | None:
        """The name of its adapter's folder, if it is another model with an adapter."""
        return self._adapted[0] or None

    @property
    def _adapted(self) -> tuple[str, str]:
        """Of `adapter:<folder's name>:<id of its base>`: both names."""
        if not self.engine.startswith(registry.ADAPTER):
            return "", ""
        name, _, base = self.engine.removeprefix(registry.ADAPTER).partition(":")
        return name, base

    def allowed_by(self, allowed_models: Collection[str] | None) -> bool:
        """A key may be bound to models by id or by alias; None allows all."""
        return allowed_models is None or not {self.id, self.requested}.isdisjoint(allowed_models)


async def find(
    name: str | None, organisation_id: str, default_model: str | None = None
) -> CatalogEntry:
    """The installed model behind a name, an alias, or no name at all (the organisation's default).

    At most `FRESH_SECONDS` old. Raises ModelNotFound, ModelUnavailable, DatabaseUnavailable.
    """
    name = name or default_model or DEFAULT_MODEL
    cached = _cache().get(name)
    if cached is None or cached[0] < time.monotonic():
        cached = await _read(name)
    if cached is None or cached[1].organisation_id not in {None, organisation_id}:
        raise not_found(name)
    _refuse_unless_installed(cached[1])
    return cached[1]


async def first_with(
    capability: str, organisation_id: str, allowed_models: Collection[str] | None = None
) -> str | None:
    """The id of the first installed model that can do this, in alphabetical order."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            _FIRST_WITH,
            {
                "capability": json.dumps([capability]),
                "organisation": organisation_id,
                "allowed": None if allowed_models is None else list(allowed_models),
            },
        )
        row = await cursor.fetchone()
    return row[0] if row else None


def listed(
    organisation_id: str, allowed_models: Collection[str] | None = None
) -> list[CatalogEntry]:
    """Every name that this organisation can call now, models and aliases, in alphabetical order."""
    visible = ServedModel.objects.visible_to(organisation_id).installed()
    aliases = ModelAlias.objects.filter(model__in=visible).select_related("model")
    entries = [_entry(model, model.id) for model in visible]
    entries += [_entry(alias.model, alias.name) for alias in aliases]
    allowed = (entry for entry in entries if entry.allowed_by(allowed_models))
    return sorted(allowed, key=lambda entry: entry.requested)


def require_known(name: str, organisation_id: str) -> None:
    """A default model stands somewhere in the catalog, installed or not."""
    visible = ServedModel.objects.visible_to(organisation_id)
    aliases = ModelAlias.objects.filter(model__in=visible)
    if not (visible.filter(pk=name).exists() or aliases.filter(name=name).exists()):
        said = _("The model `%(name)s` does not exist. GET /v1/model/info lists them all.")
        raise InvalidRequest(
            said % {"name": name[:NAME_LENGTH]}, param="default_model", code="model_not_found"
        )


def not_found(name: str) -> ModelNotFound:
    return ModelNotFound(
        f"The model `{name[:NAME_LENGTH]}` does not exist.",
        param="model",
        hint="GET /v1/models lists what you can call.",
    )


def forget() -> None:
    """Drop what this event loop remembers, so that a change is seen at once."""
    _cache().clear()


_Cached = tuple[float, CatalogEntry]
_caches: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Cached]]" = (
    weakref.WeakKeyDictionary()
)


def _cache() -> dict[str, _Cached]:
    """One cache per event loop, as there is one pool per loop. It holds only names that exist."""
    return _caches.setdefault(asyncio.get_running_loop(), {})


_FIND = """
    SELECT id, engine, context_window, default_max_output, capabilities, owned_by,
           extract(epoch FROM created_at)::bigint, state, organisation_id
      FROM inference_servedmodel
     WHERE id = coalesce(
               (SELECT model_id FROM inference_modelalias WHERE name = %(name)s), %(name)s)
"""


_FIRST_WITH = """
    SELECT id FROM inference_servedmodel
     WHERE state = 'installed' AND capabilities @> %(capability)s::jsonb
       AND coalesce(organisation_id = %(organisation)s, true)
       AND (%(allowed)s::text[] IS NULL OR id = ANY(%(allowed)s))
     ORDER BY id LIMIT 1
"""


_Reading = asyncio.Task[_Cached | None]
_readings: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Reading]]" = (
    weakref.WeakKeyDictionary()
)


async def _read(name: str) -> _Cached | None:
    """Once for all who ask meanwhile: a crowd that comes at the same moment would otherwise fill
    the pool with one question."""
    readings = _readings.setdefault(asyncio.get_running_loop(), {})
    if name not in readings:
        readings[name] = asyncio.create_task(_read_now(name))
        readings[name].add_done_callback(lambda _done: readings.pop(name))
    return await asyncio.shield(readings[name])


async def _read_now(name: str) -> _Cached | None:
    if len(name) > NAME_LENGTH or "\0" in name:
        return None
    async with database.connection() as connection:
        cursor = await connection.execute(_FIND, {"name": name})
        row = await cursor.fetchone()
    if row is None:
        _cache().pop(name, None)
        return None
    entry = CatalogEntry(row[0], name, row[1], row[2], row[3], tuple(row[4]), *row[5:])
    _cache()[name] = cached = (time.monotonic() + FRESH_SECONDS, entry)
    return cached


def _entry(model: ServedModel, requested: str) -> CatalogEntry:
    return CatalogEntry(
        id=model.id,
        requested=requested,
        engine=model.engine,
        context_window=model.context_window,
        default_max_output=model.default_max_output,
        capabilities=tuple(model.capabilities),
        owned_by=model.owned_by,
        created=int(model.created_at.timestamp()),
        state=model.state,
        organisation_id=model.organisation_id,
    )


def _refuse_unless_installed(entry: CatalogEntry) -> None:
    if entry.state == ServedModel.State.NOT_INSTALLED:
        # More than two minutes: client libraries then report it instead of trying again in vain.
        raise ModelUnavailable(
            f"The model `{entry.requested}` is in the catalog, but its weights are not installed "
            "on this server. GET /v1/models lists what you can call.",
            param="model",
            retry_after=300,
        )
    if entry.state == ServedModel.State.FAILED:
        raise ModelUnavailable(
            f"The model `{entry.requested}` could not be loaded. Its administrator can see why.",
            param="model",
            retry_after=30,
        )
