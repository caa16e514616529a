"""Loads the folder of an encoder or a classifier, or says why it cannot."""

import logging
from dataclasses import dataclass
from typing import Any

from transformers import AutoModel, AutoModelForSequenceClassification, PreTrainedModel

from inference import encoders, pooling
from inference.engines.base import EngineInfo
from inference.engines.local import loading
from inference.engines.local.embedding.models import Classifier, Encoder, TextModel
from inference.engines.local.embedding.texts import TextSide
from inference.engines.local.embedding.tokens import TextTokens
from inference.engines.local.loading import LoadingFailed, LoadOptions
from inference.model_files import read_json

# What a checkpoint may lack: nobody asks for these parts' numbers.
UNUSED = ("pooler.",)


@dataclass(frozen=True, slots=True)
class LoadedEncoder:
    info: EngineInfo
    texts: TextSide


def load(options: LoadOptions) -> LoadedEncoder:
    """Raises LoadingFailed."""
    loading.use_threads(options)
    loading.vet(options)
    config = read_json(options.folder / "config.json")
    classifies = encoders.classifies(config)
    model = _model(options, AutoModelForSequenceClassification if classifies else AutoModel)
    made_by = pooling.read(options.folder)
    own = encoders.context_window(config)
    context = min(own, made_by.limit or own, options.context or own)
    piece_tokens = loading.STEP_TOKENS[model.device.type]
    reads: TextModel
    if classifies:
        names, multi = encoders.labels(config), encoders.multi_label(config)
        reads = Classifier(model, names, multi=multi, piece_tokens=piece_tokens)
    else:
        reads = Encoder(model, made_by, piece_tokens)
    try:
        tokens = TextTokens(options.folder, model.config.vocab_size, context)
    except (OSError, TypeError, ValueError) as error:
        raise LoadingFailed(f"The tokenizer of {options.folder} is not usable: {error}") from error
    return LoadedEncoder(loading.info(options, model, context), TextSide(tokens, reads))


def _model(options: LoadOptions, kind: Any) -> PreTrainedModel:
    logging.getLogger("transformers").setLevel(logging.ERROR)  # it warns of heads left out
    try:
        model, told = kind.from_pretrained(
            options.folder,
            dtype=loading.dtype_of(options),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise LoadingFailed(f"Loading {options.folder} failed: {error}") from error
    absent = sorted(name for name in told["missing_keys"] if not name.startswith(UNUSED))
    if absent:
        raise LoadingFailed(f"The weights of {options.folder} lack {absent[0]} and perhaps more.")
    loaded: PreTrainedModel = model.to(loading.device())
    return loaded
