"""Decides whether a model folder is safe and supported, by reading it and loading nothing of it.

Knows neither torch nor Django, so that the command line, the engine and tests ask the same judge.
A config.json can make transformers download and run code (CVE-2026-4372), so what it may say is
limited here, before any library sees it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inference import encoders, pooling, weights
from inference.model_files import ModelRefused, read_json

# Architecture → the model_type by which transformers picks its own class.
ARCHITECTURES = {
    "LlamaForCausalLM": "llama",
    "MistralForCausalLM": "mistral",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
    "Gemma2ForCausalLM": "gemma2",
    "Gemma3ForCausalLM": "gemma3_text",
}
LAYERS = {"full_attention", "sliding_attention"}
SLIDING = set(ARCHITECTURES.values()) - {"llama"}
# Here frequencies depend on the position alone; dynamic and longrope change with the text's length.
STATIC_ROPE = {"default", "linear", "llama3", "yarn"}
CONFIGS = ("config.json", "generation_config.json", "tokenizer_config.json")
RUNS_CODE = {
    "auto_map": "code that comes with the model",
    "custom_generate": "code that comes with the model",
    "custom_pipelines": "code that comes with the model",
    "trust_remote_code": "code that comes with the model",
    "attn_implementation": "an attention kernel from elsewhere",
    "_attn_implementation": "an attention kernel from elsewhere",
    "_attn_implementation_internal": "an attention kernel from elsewhere",
    "experts_implementation": "a kernel from elsewhere",
    "_experts_implementation": "a kernel from elsewhere",
    "_experts_implementation_internal": "a kernel from elsewhere",
    "use_kernels": "kernels from elsewhere",
    "transformers_weights": "weights from another file",
}
MAX_CONTEXT = 10_000_000
__all__ = ["MAX_CONTEXT", "ModelRefused", "VettedModel", "vet", "vet_description"]


@dataclass(frozen=True, slots=True)
class VettedModel:
    folder: Path
    architecture: str
    context_window: int
    parameters: int
    capabilities: tuple[str, ...]
    warnings: tuple[str, ...]


def vet(folder: Path) -> VettedModel:
    """Judge a whole folder. Raises ModelRefused."""
    vetted = vet_description(folder)
    try:
        found = weights.read(folder)
    except weights.BadWeights as error:
        raise ModelRefused(str(error)) from error
    config = read_json(folder / "config.json")
    judge = encoders.contradictions if encoders.architecture(config) else _contradictions
    _refuse(judge(config, found))
    return replace(vetted, parameters=found.parameters)


def vet_description(folder: Path) -> VettedModel:
    """Judge all but the weights: nobody downloads gigabytes in vain. Raises ModelRefused."""
    if not (folder / "config.json").is_file():
        raise ModelRefused(f"{folder} is not the folder of a model: it has no config.json.")
    _refuse(_unsafe_files(folder))
    described = [read_json(folder / name) for name in CONFIGS if (folder / name).exists()]
    _refuse(reason for content in described for reason in _code(content))
    config = read_json(folder / "config.json")
    if encoders.architecture(config):
        return _encoder(folder, config)
    _refuse(_unsupported(config))
    read_json(folder / "tokenizer.json")
    pooling.read(folder)
    has_template = _has_chat_template(folder)
    return VettedModel(
        folder=folder,
        architecture=config["architectures"][0],
        context_window=config["max_position_embeddings"],
        parameters=0,
        capabilities=(*(("chat",) if has_template else ()), "completions", "embeddings"),
        warnings=() if has_template else ("It has no chat template: /v1/completions only.",),
    )


def _encoder(folder: Path, config: dict[str, Any]) -> VettedModel:
    _refuse(encoders.unsupported(config))
    read_json(folder / "tokenizer.json")
    window = encoders.context_window(config)
    return VettedModel(
        folder=folder,
        architecture=config["architectures"][0],
        context_window=min(window, pooling.read(folder).limit or window),
        parameters=0,
        capabilities=encoders.capabilities(config),
        warnings=encoders.warnings(config),
    )


def _refuse(reasons: Iterator[str]) -> None:
    if found := list(dict.fromkeys(reasons)):
        raise ModelRefused(" ".join(found))


def _unsafe_files(folder: Path) -> Iterator[str]:
    home = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_symlink() and not _ends_within(path, home):
            yield f"{name} is a link that leaves the folder: copy the file itself (cp -rL)."
        elif path.suffix == ".py":
            yield f"{name} is code, and code of a model is never run here: remove it."


def _ends_within(link: Path, home: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(home)
    except (OSError, RuntimeError):  # it leads nowhere, or in a circle
        return False


def _code(content: object) -> Iterator[str]:
    """Walks without recursion: a hostile file may nest deeper than Python's stack."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key in sorted(value.keys() & RUNS_CODE.keys()):
                yield f"It asks for {RUNS_CODE[key]} ({key}), which is never loaded here."
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _unsupported(config: dict[str, Any]) -> Iterator[str]:
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and len(names) == 1 else names
    if not isinstance(name, str) or ARCHITECTURES.get(name) != config.get("model_type"):
        yield (
            f"Its architecture ({name}, model_type {config.get('model_type')}) is not supported; "
            f"supported are {', '.join(ARCHITECTURES)}, and encoders of "
            f"{', '.join(encoders.FAMILIES.values())} ({', '.join(encoders.HEADS)})."
        )
    if config.get("quantization_config") is not None:
        yield "It is quantised (quantization_config): use the full-precision weights."
    for key in ("rope_scaling", "rope_parameters"):
        rope = config.get(key)
        kinds = isinstance(rope, dict) and rope and rope.keys() <= LAYERS
        for each in dict(rope or {}).values() if kinds else [rope]:
            yield from _unsupported_rope(each)
    yield from _unsupported_attention(config)
    for key in ("max_position_embeddings", "vocab_size", "hidden_size", "num_hidden_layers"):
        value = config.get(key)
        if type(value) is not int or not 0 < value <= MAX_CONTEXT:
            yield f"config.json must give {key} as a whole number above 0, not {value!r:.40}."


def _unsupported_rope(rope: object) -> Iterator[str]:
    if rope is None:
        return
    kind = rope.get("rope_type", rope.get("type", "default")) if isinstance(rope, dict) else rope
    if not isinstance(kind, str) or kind not in STATIC_ROPE:
        yield f"Its rope scaling ({kind!r:.40}) depends on the length of the text: not supported."


def _unsupported_attention(config: dict[str, Any]) -> Iterator[str]:
    kinds = config.get("layer_types") or []
    if not isinstance(kinds, list) or any(
        not isinstance(kind, str) or kind not in LAYERS for kind in kinds
    ):
        yield f"Its layers attend in ways ({kinds!r:.60}) that are not supported."
        return
    slides = bool(config.get("use_sliding_window")) or "sliding_attention" in kinds
    if slides and config.get("model_type") not in SLIDING:
        yield "It asks for sliding windows, which its architecture does not know."
    if config.get("use_bidirectional_attention"):
        yield "It attends to what comes later (use_bidirectional_attention): it cannot generate."
    for key in ("sliding_window", "head_dim", "query_pre_attn_scalar"):
        value = config.get(key)
        if value is not None and (type(value) is not int or not 0 < value <= MAX_CONTEXT):
            yield f"config.json must give {key} as a whole number above 0, not {value!r:.40}."
    for key in ("attn_logit_softcapping", "final_logit_softcapping"):
        value = config.get(key)
        if value is not None and (type(value) not in (int, float) or not 0 < value <= MAX_CONTEXT):
            yield f"config.json must give {key} as a number above 0, not {value!r:.40}."


def _contradictions(config: dict[str, Any], found: weights.Weights) -> Iterator[str]:
    embedding = found.tensors.get("model.embed_tokens.weight")
    wanted = [config["vocab_size"], config["hidden_size"]]
    if embedding is None or embedding.shape != wanted:
        yield f"Its weights have no model.embed_tokens.weight of the shape {wanted}."
    if "lm_head.weight" not in found.tensors and not config.get("tie_word_embeddings"):
        yield "Its weights have no lm_head.weight, and tie_word_embeddings is not true."
    layers = {name.split(".")[2] for name in found.tensors if name.startswith("model.layers.")}
    if layers != {str(number) for number in range(config["num_hidden_layers"])}:
        yield f"Its weights do not have the {config['num_hidden_layers']} layers of config.json."


def _has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file():
        return True
    path = folder / "tokenizer_config.json"
    return path.is_file() and bool(read_json(path).get("chat_template"))
