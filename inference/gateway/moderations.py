"""POST /v1/moderations: what an installed classifier says of texts, in OpenAI's categories."""

import re
from array import array
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from accounts.authentication import Caller
from api.errors import ModelNotFound
from inference import catalog
from inference.catalog import CatalogEntry
from inference.engines.base import Classified
from inference.gateway.admission import Admitted, model_for
from inference.gateway.reading import ReadingEndpoint, order_of, usage, with_items
from inference.gateway.wire import to_json
from inference.reading import Order, Reading
from inference.schemas.moderations import ModerationRequest

CAPABILITY: Final = "moderations"
THRESHOLD: Final = 0.5
CATEGORIES: Final = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/instructions", "self-harm/intent", "sexual",
    "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
HARMLESS: Final = {
    "clean", "harmless", "neutral", "no hate", "non hate", "non offensive", "non toxic", "none",
    "normal", "not hate", "nothate", "not offensive", "not toxic", "nontoxic", "ok", "safe",
}  # fmt: skip


class Moderations(ReadingEndpoint):
    schema = ModerationRequest

    async def begin(
        self, asked: ModerationRequest, admitted: Admitted
    ) -> tuple[Order, Callable[[Reading], bytes]]:
        entry = await _model(asked.model, admitted.caller)
        order = order_of(admitted, entry, texts=asked.texts, verb="classify")
        return order, partial(_body, order.id, entry.requested)


async def _model(name: str | None, caller: Caller) -> CatalogEntry:
    """The one that is named, or the first installed one that the key may use."""
    if name is None:
        name = await catalog.first_with(CAPABILITY, caller.organisation_id, caller.allowed_models)
    if name is None:
        raise ModelNotFound(
            "No model of this server serves moderations. Its administrator can add a classifier: "
            "`manage.py models add`.",
            param="model",
        )
    return await model_for(name, caller, CAPABILITY)


def _body(id_: str, model: str, done: Reading) -> bytes:
    result = cast("Classified", done.result)
    head = {"id": id_.replace("gen_", "modr-", 1), "model": model, "usage": usage(done)}
    verdicts = [to_json(verdict(result.labels, scores)) for scores in result.scores]
    return with_items(head, "results", verdicts)


def verdict(labels: tuple[str, ...], scores: "array[float]") -> dict[str, Any]:
    """OpenAI's categories first, 0 where the model has no such label, then its other labels.

    A label that says that nothing is wrong is reported with its score, and never flagged.
    """
    found = dict(zip(map(_category, labels), scores, strict=True))
    told = dict.fromkeys(CATEGORIES, 0.0) | found
    flags = {name: score >= THRESHOLD and not _harmless(name) for name, score in told.items()}
    return {
        "flagged": any(flags.values()),
        "categories": flags,
        "category_scores": told,
        "category_applied_input_types": {name: ["text"] if name in found else [] for name in told},
    }


def _category(label: str) -> str:
    return _BY_WORDS.get(_words(label), label)


def _words(name: str) -> str:
    """`Self_Harm/Intent` and `self-harm/intent` are the same."""
    return re.sub(r"[-_/\s]+", " ", name).strip().lower()


def _harmless(name: str) -> bool:
    return _words(name) in HARMLESS


_BY_WORDS: Final = {_words(name): name for name in CATEGORIES}
