"""How one vector is made of a text's many, as a folder's files of sentence-transformers say."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

from inference.model_files import ModelRefused, read_any, read_json

Kind = Literal["mean", "cls", "max", "last"]
MODULES: Final = "modules.json"
LIMITS: Final = "sentence_bert_config.json"
POOLINGS: Final = "1_Pooling/config.json"  # where the hub has it
_MODES: Final[dict[str, Kind]] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
_NAMES: Final[dict[str, Kind]] = {"mean": "mean", "cls": "cls", "max": "max", "lasttoken": "last"}


@dataclass(frozen=True, slots=True)
class Pooling:
    """`limit` is how many tokens of a text the model was taught to read, if that is said."""

    kind: Kind = "mean"
    normalise: bool = True
    limit: int | None = None


def read(folder: Path) -> Pooling:
    """Without such files: the mean, of length 1. Raises ModelRefused for what is not served."""
    limit = _limit(folder)
    if not (folder / MODULES).is_file():
        return Pooling(limit=limit)
    modules = _modules(folder)
    if unknown := sorted(modules.keys() - {"Transformer", "Pooling", "Normalize"}):
        raise ModelRefused(
            f"{MODULES} asks for {', '.join(unknown)}, which is not supported; supported are "
            "Transformer, Pooling and Normalize."
        )
    if modules.get("Transformer"):
        raise ModelRefused(f"{MODULES} keeps the model itself in a folder below: not supported.")
    kind: Kind = "mean"
    if "Pooling" in modules:
        kind = _kind(read_json(folder / modules["Pooling"] / "config.json"))
    return Pooling(kind, normalise="Normalize" in modules, limit=limit)


def _modules(folder: Path) -> dict[str, str]:
    """Kind → its folder, below this one."""
    content = read_any(folder / MODULES)
    found: dict[str, str] = {}
    for module in content if isinstance(content, list) else [None]:
        named = module.get("type") if isinstance(module, dict) else None
        place = module.get("path", "") if isinstance(module, dict) else None
        if not isinstance(named, str) or not isinstance(place, str):
            raise ModelRefused(f"{MODULES} is damaged: it is no list of modules.")
        if len(PurePosixPath(place).parts) > 1 or place.startswith((".", "/")):
            raise ModelRefused(f"{MODULES} names a folder that is not beside it: {place!r:.80}.")
        found[named.rpartition(".")[2]] = place
    return found


def _kind(config: dict[str, Any]) -> Kind:
    modes = [key for key, value in config.items() if key.startswith("pooling_mode_") and value]
    kinds = [_MODES.get(mode) for mode in modes]
    if isinstance(named := config.get("pooling_mode"), str):
        modes, kinds = [named], [_NAMES.get(named)]
    if len(kinds) != 1 or kinds[0] is None:
        raise ModelRefused(
            f"Its pooling ({', '.join(modes) or 'none'}) is not supported; supported is one of "
            f"{', '.join(_NAMES)}."
        )
    return kinds[0]


def _limit(folder: Path) -> int | None:
    if not (folder / LIMITS).is_file():
        return None
    limit = read_json(folder / LIMITS).get("max_seq_length")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise ModelRefused(f"{LIMITS} must give max_seq_length as a whole number above 0.")
    return limit
