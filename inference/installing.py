"""Puts models and aliases into the catalog and takes them out again, while the server runs."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from rich.progress import Progress

from billing import pricing
from inference import defaults, downloading, prices, vetting
from inference.engines import registry, wellness
from inference.engines.remote import RemoteAddress
from inference.models import ModelAlias, ServedModel
from inference.vetting import VettedModel

ACTOR = "manage.py models"
CONTEXT_OF_OTHER_ENGINES = 8_192  # they have no config.json that we could read


class Refused(Exception):
    """The catalog cannot take this; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an administrator says of a model. None: as the catalog has it, else a default."""

    model_id: str
    price: pricing.Price | None = None
    context_window: int | None = None
    default_max_output: int | None = None
    provider: str | None = None
    best_for: str | None = None
    aliases: tuple[str, ...] = ()


def from_folder(offer: Offer, folder: Path) -> list[str]:
    """Serve from a folder, where it lies. Returns warnings. Raises ModelRefused, Refused."""
    return _from_vetted(offer, vetting.vet(folder.resolve()))


def from_hub(offer: Offer, repository: str, revision: str, progress: Progress) -> list[str]:
    """Download into the data folder, then serve from there. Returns warnings.

    Raises ModelRefused, Refused, DownloadFailed, HubRefused; what has arrived is kept.
    """
    _need_price(offer)  # before the long way
    place = _download_place(offer.model_id)
    folder = downloading.download(repository, revision, place, progress)
    return _from_vetted(offer, vetting.vet(folder))


def from_remote(offer: Offer, address: RemoteAddress) -> list[str]:
    """Serve what OpenAI-compatible servers generate. Returns warnings. Raises Refused."""
    row = ServedModel.objects.filter(pk=offer.model_id).first()
    context = offer.context_window or (row and row.context_window)
    if not context:
        raise Refused("Give --context: how many tokens the servers take, prompt and answer.")
    _write(offer, str(address), context, {"capabilities": ["chat", "completions"]})
    silent = [url for url in address.urls if not wellness.answers(url)]
    return [f"{url} does not answer now; it is tried again." for url in silent]


def from_engine(offer: Offer, address: str) -> None:
    """Serve what running engines, or the scripted one, generate. Raises Refused."""
    ours = registry.named_processes(address)
    if not ours and address != registry.SCRIPTED and not address.startswith(registry.RAY):
        raise Refused(
            f"{address!r} is no engine address: use engine:unix:<path>, engine:tcp:<host>:<port>, "
            "ray://<application> or scripted:, and --path for a folder."
        )
    described: dict[str, object] = {}
    new = not ServedModel.objects.filter(pk=offer.model_id).exists()
    if address == registry.SCRIPTED or (ours and new):  # as of a folder: who generates reads, too
        described["capabilities"] = ["chat", "completions", "embeddings"]
    _write(offer, address, offer.context_window or CONTEXT_OF_OTHER_ENGINES, described)


def remove(model_id: str) -> str:
    """Take a model out of service, delete what was downloaded for it. Returns what became of it."""
    row = ServedModel.objects.filter(pk=model_id).first()
    if row is None:
        raise Refused(f"The catalog has no model {model_id}. `models list` shows what it has.")
    if model_id in {shipped.id for shipped in defaults.shipped()}:
        row.engine, row.state, row.failure = "", ServedModel.State.NOT_INSTALLED, ""
        row.save()
        outcome = f"{model_id} is no longer installed; it stays in the catalog."
    else:
        row.delete()
        outcome = f"{model_id} is removed from the catalog, with its aliases."
    _discard_downloads(model_id)
    return outcome


def give_alias(name: str, model_id: str) -> None:
    """Let another name mean this model, at its price. Raises Refused."""
    target = ModelAlias.objects.filter(name=model_id).values_list("model_id", flat=True).first()
    model_id = target or model_id  # an alias of an alias is one of its model
    if not ServedModel.objects.filter(pk=model_id).exists():
        raise Refused(f"The catalog has no model {model_id}. `models list` shows what it has.")
    alias = ModelAlias.objects.filter(name=name).first() or ModelAlias(name=name)
    alias.model_id = model_id
    _clean(alias)
    alias.save()


def remove_alias(name: str) -> None:
    deleted, _ = ModelAlias.objects.filter(name=name).delete()
    if not deleted:
        raise Refused(f"There is no alias {name}. `models list` shows what there is.")


def _download_place(model_id: str) -> Path:
    """Each revision lies beside it, as `<place>@<commit>`."""
    return Path(settings.DATA_DIR) / "models" / quote(model_id, safe="")


def _discard_downloads(model_id: str, but: Path | None = None) -> None:
    place = _download_place(model_id)
    for folder in place.parent.glob(f"{place.name}@*"):
        if folder != but:
            shutil.rmtree(folder)


def _from_vetted(offer: Offer, vetted: VettedModel) -> list[str]:
    warnings = list(vetted.warnings)
    known = ServedModel.objects.filter(pk=offer.model_id).first()
    context = offer.context_window or (known and known.context_window) or vetted.context_window
    if context > vetted.context_window:
        if offer.context_window:
            raise Refused(
                f"A context of {context} tokens is more than the {vetted.context_window} that the "
                "model was made for. Give --context at most that, or leave it out."
            )
        warnings.append(f"Its context window is {vetted.context_window}, not {context}.")
    described = {"capabilities": list(vetted.capabilities), "parameters": vetted.parameters}
    address = f"{registry.LOCAL}{vetted.folder}"
    _write(offer, address, min(context, vetted.context_window), described)
    _discard_downloads(offer.model_id, but=vetted.folder)
    return warnings


def _write(offer: Offer, engine: str, context_window: int, described: dict[str, object]) -> None:
    """Row, price and aliases together, or nothing."""
    with transaction.atomic():
        row = ServedModel.objects.select_for_update().filter(pk=offer.model_id).first()
        row = row or ServedModel(id=offer.model_id, capabilities=["chat", "completions"])
        row.engine, row.context_window = engine, context_window
        row.state, row.failure = ServedModel.State.INSTALLED, ""
        stated = {
            "default_max_output": offer.default_max_output,
            "provider": offer.provider,
            "best_for": offer.best_for,
        }
        changes = described | {name: value for name, value in stated.items() if value is not None}
        for name, value in changes.items():
            setattr(row, name, value)
        _clean(row)
        row.save()
        _need_price(offer)
        if offer.price:
            prices.set_price(offer.model_id, offer.price, ACTOR)
        for name in offer.aliases:
            give_alias(name, offer.model_id)


def _need_price(offer: Offer) -> None:
    if not offer.price and not prices.in_force([offer.model_id]):
        raise Refused(f"{offer.model_id} has no price yet: give --input-price and --output-price.")


def _clean(row: ServedModel | ModelAlias) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error
