"""Puts prompts to the built-in model in batches, and judges its answers."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

import inference.builtin

WEIGHTS = Path(inference.builtin.__file__).parent / "weights"
HELD_OUT = Path(__file__).with_name("held_out.json")

Message = dict[str, object]
Tool = dict[str, object]
Expected = int | str | dict[str, object]


@dataclass(frozen=True)
class HeldOut:
    """A prompt that the training text never contains, and how its answer is judged."""

    group: str
    prompt: str
    check: str
    expected: Expected


@cache
def held_out() -> tuple[HeldOut, ...]:
    """All held-out prompts."""
    return tuple(HeldOut(**each) for each in json.loads(HELD_OUT.read_text()))


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """The shipped tokenizer, padding on the left so that answers begin at one place."""
    loaded = AutoTokenizer.from_pretrained(WEIGHTS, padding_side="left")
    assert isinstance(loaded, PreTrainedTokenizerFast)
    return loaded


@cache
def model() -> LlamaForCausalLM:
    """The shipped weights in single precision."""
    return LlamaForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32)


def rendered(
    messages: Sequence[Message], tools: Sequence[Tool] = (), *, answering: bool = True
) -> str:
    """The conversation as the chat template writes it."""
    written = tokenizer().apply_chat_template(
        cast("list[dict[str, str]]", list(messages)),
        tools=cast("list[dict[Any, Any] | Callable[..., Any]]", list(tools)) or None,
        add_generation_prompt=answering,
        tokenize=False,
    )
    return str(written)


def ask(*messages: Message, tools: Sequence[Tool] = ()) -> str:
    """The greedy answer to one conversation."""
    return complete([rendered(messages, tools)])[0]


def answers(prompts: Sequence[str]) -> list[str]:
    """The greedy answers to prompts of a user, in order."""
    return complete([rendered([{"role": "user", "content": each}]) for each in prompts])


@torch.inference_mode()
def complete(texts: Sequence[str], longest: int = 160) -> list[str]:
    """What the model writes after each text, up to the end of its turn."""
    encoded = tokenizer()(list(texts), return_tensors="pt", padding=True, add_special_tokens=False)
    loaded: Any = model()  # the declared type of generate's self fits no model
    made = loaded.generate(
        input_ids=encoded["input_ids"],
        attention_mask=encoded["attention_mask"],
        max_new_tokens=longest,
        do_sample=False,
    )
    new = made[:, encoded["input_ids"].shape[1] :]
    return [str(tokenizer().decode(row, skip_special_tokens=True)) for row in new]


def is_right(asked: HeldOut, answer: str) -> bool:
    """Whether the answer passes the prompt's check."""
    return _CHECKS[asked.check](answer, asked.expected)


def _last_number(answer: str, expected: Expected) -> bool:
    numbers = re.findall(r"\d+", answer)
    return bool(numbers) and int(numbers[-1]) == expected


def _numbers_up_to(answer: str, expected: Expected) -> bool:
    assert isinstance(expected, int)
    return [int(each) for each in re.findall(r"\d+", answer)] == list(range(1, expected + 1))


def _says(answer: str, expected: Expected) -> bool:
    return re.search(rf"\b{re.escape(str(expected))}\b", answer) is not None


def _exactly(answer: str, expected: Expected) -> bool:
    return answer.strip() == expected


def _json_list(answer: str, expected: Expected) -> bool:
    assert isinstance(expected, dict)
    try:
        parsed = json.loads(answer)
    except ValueError:
        return False
    listed = next(iter(parsed.values())) if isinstance(parsed, dict) else parsed
    known = expected["of"]
    assert isinstance(known, list)
    return (
        isinstance(listed, list)
        and len(listed) == len(set(listed)) == expected["count"]
        and set(listed) <= set(known)
    )


_CHECKS = {
    "number": _last_number,
    "numbers": _numbers_up_to,
    "says": _says,
    "exactly": _exactly,
    "list": _json_list,
}
