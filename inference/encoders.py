"""Which encoders and classifiers are served, judged by their config.json and tensors' names.

Knows no torch, like the vetting that asks it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from inference import weights

# model_type → how transformers' own classes for it begin.
FAMILIES: Final = {
    "bert": "Bert",
    "camembert": "Camembert",
    "deberta-v2": "DebertaV2",
    "distilbert": "DistilBert",
    "electra": "Electra",
    "modernbert": "ModernBert",
    "mpnet": "MPNet",
    "roberta": "Roberta",
    "xlm-roberta": "XLMRoberta",
}
CLASSIFIES: Final = "ForSequenceClassification"
HEADS: Final = ("Model", "ForMaskedLM", "ForPreTraining", CLASSIFIES)
SIZES: Final = {  # and what DistilBERT calls them
    "max_position_embeddings": "max_position_embeddings",
    "vocab_size": "vocab_size",
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
}
MOST: Final = 10_000_000
MAX_LABELS: Final = 1_000
# Their positions begin behind the padding token's number.
_SHIFTED: Final = {"camembert", "mpnet", "roberta", "xlm-roberta"}
_LAYER: Final = re.compile(r"(?:^|\.)layers?\.(\d+)\.")
_UNNAMED: Final = re.compile(r"LABEL_\d+")


def architecture(config: Mapping[str, Any]) -> str | None:
    """The class that config.json names, if it is one that only reads texts."""
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and len(names) == 1 else None
    family = FAMILIES.get(str(config.get("model_type")))
    known = family is not None and name in {family + head for head in HEADS}
    return str(name) if known else None


def classifies(config: Mapping[str, Any]) -> bool:
    return str(architecture(config)).endswith(CLASSIFIES)


def capabilities(config: Mapping[str, Any]) -> tuple[str, ...]:
    return ("moderations",) if classifies(config) else ("embeddings",)


def context_window(config: Mapping[str, Any]) -> int:
    """Tokens of a text, special ones included."""
    window: int = config["max_position_embeddings"]
    if config["model_type"] in _SHIFTED:
        window -= config.get("pad_token_id", 1) + 1
    return window


def labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """In the order of the model's outputs; empty where they are told wrongly."""
    named = config.get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})  # transformers' own default
    if not isinstance(named, dict) or not 0 < len(named) <= MAX_LABELS:
        return ()
    told = [named.get(str(number)) for number in range(len(named))]
    names = tuple(name for name in told if isinstance(name, str) and name)
    return names if len(names) == len(set(names)) == len(named) else ()


def multi_label(config: Mapping[str, Any]) -> bool:
    """Does every label stand for itself (sigmoid), or do they share one whole (softmax)?"""
    return config.get("problem_type") == "multi_label_classification" or len(labels(config)) == 1


def unsupported(config: Mapping[str, Any]) -> Iterator[str]:
    if config.get("quantization_config") is not None:
        yield "It is quantised (quantization_config): use the full-precision weights."
    for name, other in SIZES.items():
        value = config.get(name, config.get(other))
        if type(value) is not int or not 0 < value <= MOST:
            yield f"config.json must give {name} as a whole number above 0, not {value!r:.40}."
            return
    pad = config.get("pad_token_id", 1)
    if pad is not None and (type(pad) is not int or not 0 <= pad < _size(config, "vocab_size")):
        yield f"config.json must give pad_token_id as a token of its vocabulary, not {pad!r:.40}."
    elif config["model_type"] in _SHIFTED and (pad is None or context_window(config) < 1):
        yield "config.json leaves no positions behind its pad_token_id."
    if config.get("is_decoder"):
        yield "It is a decoder (is_decoder): encoders alone are read in both directions."
    if classifies(config):
        yield from _unsupported_labels(config)


def _unsupported_labels(config: Mapping[str, Any]) -> Iterator[str]:
    if not labels(config):
        yield "config.json must name its labels (id2label), each once."
    if config.get("problem_type") == "regression":
        yield "It is a regression (problem_type): its outputs are no labels."


def warnings(config: Mapping[str, Any]) -> tuple[str, ...]:
    if classifies(config) and all(_UNNAMED.fullmatch(label) for label in labels(config)):
        return ("Its labels have no names (LABEL_0 …): name them in id2label of config.json.",)
    return ()


def contradictions(config: Mapping[str, Any], found: weights.Weights) -> Iterator[str]:
    """The head that classifies must be there: what is missing would be random numbers."""
    width = _size(config, "hidden_size")
    if config["model_type"] == "electra":
        width = config.get("embedding_size", width)
    wanted = [_size(config, "vocab_size"), width]
    words = [name for name in found.tensors if re.search(r"(word|tok)_embeddings\.weight$", name)]
    if not any(found.tensors[name].shape == wanted for name in words):
        yield f"Its weights have no word embeddings of the shape {wanted}."
    layers = {int(match[1]) for name in found.tensors if (match := _LAYER.search(name))}
    if layers != set(range(count := _size(config, "num_hidden_layers"))):
        yield f"Its weights do not have the {count} layers of config.json."
    if classifies(config) and not _has_head(config, found):
        yield f"Its weights have no classifier of {len(labels(config))} labels."


def _has_head(config: Mapping[str, Any], found: weights.Weights) -> bool:
    heads = (found.tensors.get(f"classifier.{name}weight") for name in ("", "out_proj."))
    return any(head is not None and head.shape[:1] == [len(labels(config))] for head in heads)


def _size(config: Mapping[str, Any], name: str) -> int:
    value: int = config.get(name, config.get(SIZES[name]))
    return value
