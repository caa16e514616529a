"""The catalog as it ships: the built-in model, and the models of the HiveOps reference."""

from dataclasses import dataclass
from pathlib import Path

from billing import pricing
from inference import prices
from inference.catalog import DEFAULT_MODEL
from inference.models import ServedModel

BUILT_IN_WEIGHTS = Path(__file__).resolve().parent / "builtin" / "weights"


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
    engine=f"local:{BUILT_IN_WEIGHTS}", default_max_output=512, parameters=2_755_008,
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


def ensure() -> None:
    """Create what is missing of the shipped catalog; what somebody changed stays changed."""
    for shipped in SHIPPED:
        ServedModel.objects.get_or_create(
            id=shipped.id,
            defaults={
                "engine": shipped.engine,
                "context_window": shipped.context_window,
                "default_max_output": shipped.default_max_output,
                "capabilities": list(shipped.capabilities),
                "provider": shipped.provider,
                "owned_by": shipped.owned_by,
                "best_for": shipped.best_for,
                "parameters": shipped.parameters,
                "state": (
                    ServedModel.State.INSTALLED
                    if shipped.engine
                    else ServedModel.State.NOT_INSTALLED
                ),
            },
        )
        if not prices.in_force([shipped.id]):
            prices.set_price(shipped.id, shipped.price)
    _follow_the_checkout()
    _learn_to_read()


def _follow_the_checkout() -> None:
    """The built-in weights lie in the source tree: when it has moved, the address moves with it."""
    row = ServedModel.objects.get(pk=BUILT_IN.id)
    old = Path(row.engine.removeprefix("local:"))
    if old.parts[-3:] == BUILT_IN_WEIGHTS.parts[-3:] and not old.exists():
        ServedModel.objects.filter(pk=row.pk).update(engine=BUILT_IN.engine)


def _learn_to_read() -> None:
    """Rows of the built-in model that are older than its embeddings."""
    ServedModel.objects.filter(
        pk=BUILT_IN.id, engine=BUILT_IN.engine, capabilities=["chat", "completions"]
    ).update(capabilities=list(BUILT_IN.capabilities), best_for=BUILT_IN.best_for)
