"""Makes the models of the benchmarks: a random Llama with a tokenizer, and a random Qwen3."""

import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

VOCABULARY = 8192
CONTEXT = 512
START, END = "<|im_start|>", "<|im_end|>"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_model() -> PreTrainedModel:
    """11 million parameters, the same weights at every call."""
    return random_model(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=256,
            intermediate_size=832,
            num_hidden_layers=8,
            num_attention_heads=8,
            num_key_value_heads=4,
            max_position_embeddings=CONTEXT,
            initializer_range=0.1,
            bos_token_id=None,
            eos_token_id=1,
        )
    )


def make_qwen3(dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """107 million parameters, the same weights at every call."""
    model = random_model(
        Qwen3Config(
            vocab_size=2 * VOCABULARY,
            hidden_size=768,
            intermediate_size=2240,
            num_hidden_layers=14,
            num_attention_heads=12,
            num_key_value_heads=4,
            head_dim=64,
            max_position_embeddings=CONTEXT,
            initializer_range=0.1,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=1,
        )
    )
    model.to(dtype=dtype)  # type: ignore[call-arg]  # transformers' wrapper hides torch's signature
    return model


def random_model(config: PreTrainedConfig) -> PreTrainedModel:
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    model.eval()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    return model


def make_folder(folder: Path) -> Path:
    """A folder that `serve_engine` and `models add` take."""
    make_model().save_pretrained(folder)
    _make_tokenizer().save_pretrained(folder)
    return folder


def _make_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE of random words, so that every token id is some text."""
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(20_000)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[START, END],
        show_progress=False,
    )
    tokenizer.train_from_iterator(words, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=tokenizer, eos_token=END, chat_template=TEMPLATE
    )
