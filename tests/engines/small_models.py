"""Random models small enough to compute in milliseconds, and a desk that runs steps on them."""

import copy
from collections.abc import Callable
from collections.abc import Sequence as Rows
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

from inference.engines.base import EngineError, SamplingParams
from inference.engines.local.graphs import Compute
from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.paged import PagedCache
from inference.engines.local.runner import Runner
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import StepEvents, Submission, TokenEvent
from inference.engines.local.steps import StepOptions, Steps

VOCABULARY = 160
CONTEXT = 128
GREEDY = SamplingParams(temperature=0.0)
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.3,  # so that logits lie far apart
    "bos_token_id": None,
    "eos_token_id": None,
}
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def shapes() -> dict[str, PreTrainedConfig]:
    """What `models add` accepts, in shapes that bite: grouped and wide heads, tied embeddings,
    every way of stretching positions."""
    return {
        "llama": LlamaConfig(**SMALL),
        "llama_wide_heads_tied": LlamaConfig(**SMALL, head_dim=112, tie_word_embeddings=True),
        "llama_one_kv_head": LlamaConfig(**(SMALL | {"num_key_value_heads": 1})),
        "llama_rope_llama3": LlamaConfig(
            **SMALL,
            rope_parameters=_stretched("llama3", low_freq_factor=1.0, high_freq_factor=4.0),
        ),
        "llama_rope_yarn": LlamaConfig(**SMALL, rope_parameters=_stretched("yarn")),
        "mistral": MistralConfig(**SMALL, sliding_window=None),
        "mistral_window": MistralConfig(**SMALL, sliding_window=13),
        "qwen2": Qwen2Config(**SMALL),
        "qwen2_some_windows": Qwen2Config(
            **SMALL, use_sliding_window=True, sliding_window=9, max_window_layers=1
        ),
        "qwen3": Qwen3Config(**SMALL, head_dim=16),
        "qwen3_all_heads_tied": Qwen3Config(
            **(SMALL | {"num_key_value_heads": 4}), head_dim=8, tie_word_embeddings=True
        ),
        "gemma2": Gemma2Config(**_gemma(attn_logit_softcapping=2.0, final_logit_softcapping=20.0)),
        "gemma3": Gemma3TextConfig(**_gemma(sliding_window_pattern=3)),
    }


def _gemma(**more: object) -> dict[str, Any]:
    """What tells them from the others: wide heads, a scale of its own, short windows."""
    own = {"head_dim": 256, "query_pre_attn_scalar": 77, "sliding_window": 11, "pad_token_id": 0}
    return SMALL | own | more


def _stretched(kind: str, **more: float) -> dict[str, object]:
    return {
        "rope_type": kind,
        "rope_theta": 10_000.0,
        "factor": 4.0,
        "original_max_position_embeddings": 32,
        **more,
    }


@cache
def reference(shape: str) -> PreTrainedModel:
    """The model as transformers runs it; never given to an engine."""
    torch.manual_seed(7)
    model = random_model(shapes()[shape])
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim == 1:  # norms and biases, which start as ones and zeros
                weights.add_(torch.empty_like(weights).uniform_(-0.4, 0.4))
    return model


class Desk:
    """Runs steps in the calling thread, and keeps what they tell."""

    def __init__(
        self,
        shape: str = "llama",
        *,
        slots: int = 20,
        step_tokens: int = 64,
        prefix_bytes: int = 0,
        record: Callable[[Compute], Compute] | None = None,
        blocks: int | None = None,
    ) -> None:
        """`blocks`: the cache consists of so many."""
        model = copy.deepcopy(reference(shape))
        of, kind = CacheShape.of(model.config), (model.dtype, model.device)
        cache: SlotCache | PagedCache = SlotCache(of, slots, CONTEXT, *kind)
        if blocks is not None:
            cache = PagedCache(of, slots, blocks, CONTEXT, *kind)
        self.runner = Runner(model, cache, record)
        options = StepOptions(VOCABULARY, frozenset(), step_tokens, prefix_bytes)
        self.steps = Steps(self.runner, options)
        self.waiting = FairQueue()
        self.events: list[TokenEvent] = []
        self.errors: dict[Submission, EngineError] = {}

    def submit(
        self,
        prompt: Rows[int],
        sampling: SamplingParams = GREEDY,
        max_tokens: int = 12,
        tenant: str = "",
    ) -> Submission:
        submission = Submission(list(prompt), sampling, max_tokens, tenant)
        self.waiting.put(submission)
        return submission

    def step(self) -> StepEvents:
        self.steps.admit(self.waiting)
        events, _ = self.steps.step()
        self.events += events.tokens
        self.errors |= {failure.submission: failure.error for failure in events.failures}
        return events

    def run(self) -> None:
        self.step()
        while self.steps.running or self.waiting:
            self.step()

    def told(self, submission: Submission, index: int = 0) -> list[TokenEvent]:
        return [
            event
            for event in self.events
            if event.sequence.submission is submission and event.sequence.index == index
        ]

    def tokens(self, submission: Submission, index: int = 0) -> list[int]:
        return [event.token for event in self.told(submission, index)]

    def complete(
        self, prompt: Rows[int], sampling: SamplingParams = GREEDY, max_tokens: int = 12
    ) -> list[int]:
        """Alone, from beginning to end."""
        submission = self.submit(prompt, sampling, max_tokens)
        self.run()
        return self.tokens(submission)


def make_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|im_start|>", "<|im_end|>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the quick brown fox says hello to the world"] * 9, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=tokenizer, eos_token="<|im_end|>", chat_template=TEMPLATE
    )


def make_folder(folder: Path, **changes: Any) -> Path:
    """A whole model folder, as `serve_engine` takes it."""
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(11)
    size = {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
    config = LlamaConfig(**(SMALL | size | {"max_position_embeddings": 512} | changes))
    random_model(config).save_pretrained(folder)
    return folder


def random_model(config: PreTrainedConfig) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    model.eval()  # type: ignore[no-untyped-call]  # the same
    return model
