"""Folders of random encoders and classifiers, small enough to compute in milliseconds."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    BertConfig,
    CamembertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
)

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "quick", "brown", "fox", "says", "hello", "world", "##s", "tea", "of", "##ing"]
LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]
VOCABULARY = [*SPECIALS, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS), *"[]#.,!"]
SIZES: dict[str, Any] = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 66,
    "pad_token_id": 0,
    "initializer_range": 0.3,
}
CONFIGS: dict[str, PreTrainedConfig] = {
    "bert": BertConfig(**SIZES),
    "camembert": CamembertConfig(**SIZES),
    "deberta": DebertaV2Config(**(SIZES | {"relative_attention": True, "position_buckets": 16})),
    "distilbert": DistilBertConfig(
        **{key: SIZES[key] for key in ("vocab_size", "max_position_embeddings", "pad_token_id")},
        dim=32, n_layers=2, n_heads=4, hidden_dim=48, initializer_range=0.3,
    ),
    "electra": ElectraConfig(**SIZES, embedding_size=16),
    "modernbert": ModernBertConfig(**SIZES, cls_token_id=2, sep_token_id=3),
    "mpnet": MPNetConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES),
    "xlm_roberta": XLMRobertaConfig(**SIZES),
}  # fmt: skip


def make_tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {token: number for number, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(8)  # as folders of sentence-transformers have it
    tokenizer.enable_padding(length=8)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def make_encoder(folder: Path, kind: str = "bert", *, masked: bool = False, **files: Any) -> Path:
    """`files`: JSON to write, with `__` for dots and `___` for slashes."""
    torch.manual_seed(5)
    made = AutoModelForMaskedLM if masked else AutoModel
    model = made.from_config(CONFIGS[kind])  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    return _write(folder, model, files)


def make_classifier(
    folder: Path, labels: list[str], kind: str = "bert", problem_type: str | None = None
) -> Path:
    torch.manual_seed(6)
    named = dict(enumerate(labels))
    config = CONFIGS[kind].__class__.from_dict(
        CONFIGS[kind].to_dict()
        | {
            "id2label": named,
            "label2id": {label: number for number, label in named.items()},
            "problem_type": problem_type,
        }
    )
    model = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]  # as above
    return _write(folder, model, {})


def _write(folder: Path, model: PreTrainedModel, files: dict[str, Any]) -> Path:
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    for name, content in files.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return folder


def sentence_files(mode: str = "pooling_mode_mean_tokens", *modules: str) -> dict[str, Any]:
    """What sentence-transformers keeps beside a model."""
    named = ["Transformer", "Pooling", *modules]
    return {
        "modules__json": [
            {
                "idx": place,
                "name": str(place),
                "path": f"{place}_{name}" if place else "",
                "type": f"sentence_transformers.models.{name}",
            }
            for place, name in enumerate(named)
        ],
        "1_Pooling___config__json": {"word_embedding_dimension": 32, mode: True},
    }
