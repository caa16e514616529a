"""Loads a model folder into an engine that is ready to step, or says why it cannot."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from inference import pooling, vetting
from inference.engines.base import EngineInfo, SamplingParams
from inference.engines.local import fill_in, graphs, vocabulary
from inference.engines.local.adapters import AdapterShelf
from inference.engines.local.embedding.models import Reader
from inference.engines.local.embedding.texts import TextSide
from inference.engines.local.embedding.tokens import TextTokens
from inference.engines.local.filters import STRIPE
from inference.engines.local.grammar_compiler import TokenizerText
from inference.engines.local.grammar_process import Setup
from inference.engines.local.grammars import Grammars
from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.memory import spare
from inference.engines.local.paged import BLOCK, PagedCache, blocks_of
from inference.engines.local.prompts import PromptEncoder, load_tokenizer
from inference.engines.local.runner import Runner
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import Submission
from inference.engines.local.steps import StepOptions, Steps
from inference.engines.local.tool_formats import ToolFormat, format_of
from inference.engines.local.vocabulary import Vocabulary

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# One step keeps everybody waiting: on CPU a few hundred tokens take tens of milliseconds.
STEP_TOKENS = {"cpu": 512, "cuda": 4096}
FOR_LIBRARIES = 1 << 29  # bytes on a GPU
SHARED_TOKENS = {"cpu": 160, "cuda": 4096}  # of prompts, while others wait


class LoadingFailed(Exception):
    """This model cannot be served; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """None means: what suits the machine and the model."""

    folder: Path
    name: str | None = None
    dtype: str | None = None
    context: int | None = None
    max_sequences: int = 128
    kv_memory_mb: int | None = None
    threads: int | None = None
    adapters: Path | None = None  # a folder of them, each in a folder of its own
    graphs: bool | None = None  # record decode steps: on CUDA, where nobody says no
    pages: bool | None = None  # the cache in blocks: on CUDA, where nobody says no


@dataclass(frozen=True, slots=True)
class LoadedModel:
    info: EngineInfo
    steps: Steps
    vocabulary: Vocabulary
    encoder: PromptEncoder
    grammars: Grammars
    tools: ToolFormat | None
    texts: TextSide
    adapters: AdapterShelf
    slots: int
    tokens: int  # that the cache has room for


def load(options: LoadOptions) -> LoadedModel:
    """Raises LoadingFailed."""
    use_threads(options)
    model = _model(options)
    context = _context(options, model)
    size = model.config.vocab_size
    try:
        tokenizer = load_tokenizer(options.folder)
        known = vocabulary.read(tokenizer, size)
    except (OSError, TypeError, ValueError, vocabulary.UnsupportedTokenizer) as error:
        raise LoadingFailed(f"The tokenizer of {options.folder} is not usable: {error}") from error
    texts = _texts(options, model, context)
    eos = _eos(model, tokenizer.eos_token_id) | fill_in.ends(tokenizer)
    runner, prefix_bytes = _runner(options, model, context)
    shared = SHARED_TOKENS[model.device.type]
    tokens = STEP_TOKENS[model.device.type]
    steps = Steps(runner, StepOptions(size, eos, tokens, prefix_bytes, shared))
    _warm_up(steps)
    tools = format_of(tokenizer)
    setup = Setup(_tokenizer_text(tokenizer, size, eos), tools)
    return LoadedModel(
        info=info(options, model, context),
        steps=steps,
        vocabulary=known,
        encoder=PromptEncoder(options.folder, size, context, known.longest, tools),
        grammars=Grammars(setup, known.pieces, runner.cache.slots),
        tools=tools,
        texts=texts,
        adapters=AdapterShelf(options.adapters, model),
        slots=runner.cache.slots,
        tokens=runner.cache.tokens,
    )


def _runner(options: LoadOptions, model: PreTrainedModel, context: int) -> tuple[Runner, int]:
    """And bytes for what prompts begin with."""
    on_cuda = model.device.type == "cuda"
    if options.graphs and not on_cuda:
        raise LoadingFailed("Decode steps are recorded on CUDA alone: leave --graphs out.")
    recorded = on_cuda and options.graphs is not False
    paged = on_cuda if options.pages is None else options.pages
    slots, blocks, prefix_bytes = _room(options, model, context, paged=paged)
    shape, kind = CacheShape.of(model.config), (model.dtype, model.device)
    try:
        cache: SlotCache | PagedCache = (
            PagedCache(shape, slots, blocks, context, *kind)
            if paged
            else SlotCache(shape, slots, context, *kind)
        )
        runner = Runner(model, cache, graphs.OnCuda() if recorded else None)
        runner.warm_up()
    except torch.OutOfMemoryError as error:
        raise LoadingFailed(
            f"The GPU has too little memory for {slots} sequences of {context} tokens: give "
            f"--kv-memory-mb or --context less, or end what else uses it. {error}"
        ) from error
    return runner, prefix_bytes


def _texts(options: LoadOptions, model: PreTrainedModel, context: int) -> TextSide:
    """Before the runner gives the model an attention of its own."""
    made_by = pooling.read(options.folder)
    tokens = TextTokens(options.folder, model.config.vocab_size, made_by.limit or context)
    return TextSide(tokens, Reader(model, made_by, STEP_TOKENS[model.device.type]))


def use_threads(options: LoadOptions) -> None:
    """The rest of the site wants to run as well, and waiting threads of torch spin."""
    torch.set_num_threads(options.threads or max(1, len(os.sched_getaffinity(0)) // 2))


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def dtype_of(options: LoadOptions) -> torch.dtype:
    return DTYPES[options.dtype or ("bfloat16" if device().type == "cuda" else "float32")]


def vet(options: LoadOptions) -> None:
    """Raises LoadingFailed."""
    try:
        vetting.vet(options.folder)
    except vetting.ModelRefused as error:
        raise LoadingFailed(f"The model in {options.folder} is refused: {error}") from error
    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped


def _model(options: LoadOptions) -> PreTrainedModel:
    vet(options)
    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            options.folder,
            dtype=dtype_of(options),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
        model.to(device())  # type: ignore[arg-type]  # transformers' wrapper hides torch's signature
    except (OSError, ValueError, RuntimeError) as error:  # a GPU's memory may be too small
        raise LoadingFailed(f"Loading {options.folder} failed: {error}") from error
    return model


def info(options: LoadOptions, model: PreTrainedModel, context: int) -> EngineInfo:
    return EngineInfo(
        model=options.name or options.folder.name,
        context_window=context,
        vocabulary_size=model.config.vocab_size,
        parameters=sum(weights.numel() for weights in model.parameters()),
        dtype=str(model.dtype).removeprefix("torch."),
        device=str(model.device),
    )


def _context(options: LoadOptions, model: PreTrainedModel) -> int:
    own: int = model.config.max_position_embeddings
    return min(own, options.context or own)


def _room(
    options: LoadOptions, model: PreTrainedModel, context: int, *, paged: bool
) -> tuple[int, int, int]:
    """How many sequences fit the KV memory, in how many blocks, and bytes for what prompts begin
    with, where that is not in blocks. One whole context is needed."""
    token = CacheShape.of(model.config).bytes_per_token(model.dtype)
    step = _step_bytes(model, options.max_sequences)
    memory = options.kv_memory_mb * 2**20 if options.kv_memory_mb else spare(model.device, step)
    if memory < context * token:
        raise LoadingFailed(
            f"One sequence of {context} tokens needs {context * token // 2**20 + 1} MB of KV "
            f"memory, and {memory // 2**20} MB are allowed. Give --kv-memory-mb more, or --context "
            "less."
        )
    if paged:
        return _blocks(memory // token, options.max_sequences, context)
    each = context * token
    slots = min(options.max_sequences, max(memory * 4 // 5 // each, 1))
    return slots, 0, min(memory - slots * each, slots * each // 4)


def _blocks(tokens: int, sequences: int, context: int) -> tuple[int, int, int]:
    """Of a memory for so many tokens: not more than so many whole contexts could use, and a quarter
    of that for what prompts begin with. One block is nobody's."""
    whole = blocks_of(context)
    blocks = max(min(tokens // BLOCK - 1, sequences * whole * 5 // 4), whole)
    return min(sequences, blocks), blocks, 0


def _step_bytes(model: PreTrainedModel, rows: int) -> int:
    """What a step on a GPU takes beside weights and cache, at most: its tokens' states, products
    and activations; logits ten times over (`sampler_program`); sorted ones; and what libraries and
    recordings keep."""
    config: Any = model.config
    token: int = 8 * config.hidden_size + 6 * config.intermediate_size
    states = STEP_TOKENS["cuda"] * token * model.dtype.itemsize
    logits = 40 * rows * int(config.vocab_size) + 64 * STRIPE
    return states + logits + FOR_LIBRARIES


def _eos(model: PreTrainedModel, tokenizers_own: int | None) -> frozenset[int]:
    """Every token that anybody declares as the end."""
    ends: set[int] = set()
    generation = getattr(model, "generation_config", None)
    for declared in (
        getattr(generation, "eos_token_id", None),
        model.config.eos_token_id,
        tokenizers_own,
    ):
        if declared is not None:
            ends.update(declared if isinstance(declared, list) else [declared])
    return frozenset(ends)


def _tokenizer_text(
    tokenizer: PreTrainedTokenizerFast, size: int, eos: frozenset[int]
) -> TokenizerText:
    text: str = tokenizer.backend_tokenizer.to_str()
    return TokenizerText.of(text, size, eos)


def _warm_up(steps: Steps) -> None:
    """The first steps allocate and choose kernels: nobody should wait for that."""
    waiting = FairQueue()
    waiting.put(Submission([0] * 8, SamplingParams(), max_tokens=3))
    steps.admit(waiting)
    while steps.running:
        steps.step()
