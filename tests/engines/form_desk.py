"""Runs steps of a whole tiny model whose answers are held to schemas, and keeps their texts."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has none
import torch
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import LlamaConfig, PreTrainedTokenizerFast

from inference.engines.base import EngineError, GenerationRequest, ResponseFormat, SamplingParams
from inference.engines.local.grammar_wishes import wish_of
from inference.engines.local.loading import LoadOptions, load
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import Submission, TokenEvent
from inference.engines.local.text import ChoiceText
from tests.engines.small_models import SMALL, random_model

PROMPT = [5, 9, 33, 7]
FORM = "response_format"


class FormDesk:
    """One model folder, stepped in the calling thread."""

    def __init__(self, folder: Path, slots: int = 16) -> None:
        self.model = load(LoadOptions(folder, max_sequences=slots, threads=1))
        self.waiting = FairQueue()
        self.events: list[TokenEvent] = []
        self.errors: dict[Submission, EngineError] = {}

    def close(self) -> None:
        self.model.grammars.close()

    def submit(
        self,
        schema: Mapping[str, Any] | None = None,
        sampling: SamplingParams = SamplingParams(),  # noqa: B008 - frozen, so nobody changes it for the next
        max_tokens: int = 200,
        *,
        free: bool = False,
    ) -> Submission:
        grammar = None
        if not free:
            grammar = self.model.grammars.compile(wish_of(held_to(schema)), FORM)
        submission = Submission(list(PROMPT), sampling, max_tokens, grammar=grammar)
        self.waiting.put(submission)
        return submission

    def step(self) -> None:
        self.model.steps.admit(self.waiting)
        events, _ = self.model.steps.step()
        self.events += events.tokens
        self.errors |= {failure.submission: failure.error for failure in events.failures}

    def run(self) -> None:
        self.step()
        while self.model.steps.running or self.waiting:
            self.step()

    def tokens(self, submission: Submission, index: int = 0) -> list[TokenEvent]:
        return [
            event
            for event in self.events
            if event.sequence.submission is submission and event.sequence.index == index
        ]

    def answer(self, submission: Submission, index: int = 0) -> tuple[str, str | None]:
        """Its text, and why it ended."""
        choice = ChoiceText(self.model.vocabulary, ())
        events = self.tokens(submission, index)
        text = "".join(choice.feed(event.token) for event in events)
        return text, events[-1].finish_reason

    def check(self, submission: Submission, schema: Mapping[str, Any] | None) -> int:
        """Every choice is valid or was cut. Returns how many were complete."""
        complete = 0
        assert submission not in self.errors
        for index in range(submission.sampling.n):
            text, reason = self.answer(submission, index)
            if reason == "stop":
                validator = jsonschema.Draft202012Validator(schema or {"type": "object"})
                validator.validate(json.loads(text))
                complete += 1
            else:
                assert reason == "length"
                assert len(self.tokens(submission, index)) == submission.max_tokens
        return complete


def held_to(schema: Mapping[str, Any] | None) -> GenerationRequest:
    return GenerationRequest("r", "m", SamplingParams(), response_format=ResponseFormat(schema))


def random_schema(chance: random.Random) -> dict[str, Any]:
    """Small answers of all kinds; what can be endless has a bound."""
    return {**_any(chance, 3), "$defs": {"one": _any(chance, 0)}}


def _any(chance: random.Random, depth: int) -> dict[str, Any]:
    kinds = [_string, _number, _choice, _object, _object, _array, _any_of]
    return chance.choice(kinds[: 3 if depth == 0 else None])(chance, depth)


def _string(chance: random.Random, depth: int) -> dict[str, Any]:
    least = chance.randint(0, 3)
    return chance.choice(
        [
            {"type": "string", "minLength": least, "maxLength": least + chance.randint(0, 5)},
            {"type": "string", "pattern": "^[a-c]{1,3}(-[0-9]{2})?$"},
            {"type": "string", "format": chance.choice(["date", "time", "ipv4", "uuid"])},
            {"type": ["string", "null"], "maxLength": 2, "description": 'a "quoted" {word}'},
        ]
    )


def _number(chance: random.Random, depth: int) -> dict[str, Any]:
    least = chance.randint(-1000, 1000)
    return chance.choice(
        [
            {"type": "integer", "minimum": least, "maximum": least + chance.randint(0, 5000)},
            {"type": "integer", "multipleOf": chance.choice([2, 7, 60]), "maximum": 10_000},
            {"type": "number", "exclusiveMinimum": least, "maximum": least + 2.5},
            {"type": ["integer", "boolean"], "minimum": 0, "maximum": 99},
        ]
    )


def _choice(chance: random.Random, depth: int) -> dict[str, Any]:
    values = ["red", "grün", 'q"u\\o/te', "</s>", "}", 7, -1.5, True, None, {"k": [1]}, ""]
    return chance.choice(
        [{"enum": chance.sample(values, chance.randint(1, 5))}, {"const": chance.choice(values)}]
    )


def _object(chance: random.Random, depth: int) -> dict[str, Any]:
    names = chance.sample(
        ["a", "bb", "Name", "größe", 'x"y', "$ref", "format"], chance.randint(0, 4)
    )
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _any(chance, depth - 1) for name in names},
        "required": chance.sample(names, chance.randint(0, len(names))),
        "additionalProperties": False,
    }
    if chance.random() < 0.2:
        schema["additionalProperties"] = {"type": "integer", "minimum": 0, "maximum": 9}
    return schema


def _array(chance: random.Random, depth: int) -> dict[str, Any]:
    least = chance.randint(0, 2)
    return {
        "type": "array",
        "items": _any(chance, depth - 1),
        "minItems": least,
        "maxItems": least + chance.randint(0, 2),
    }


def _any_of(chance: random.Random, depth: int) -> dict[str, Any]:
    return {"anyOf": [{"$ref": "#/$defs/one"}, _any(chance, depth - 1)]}


def make_sentencepiece_folder(folder: Path) -> Path:
    """As Llama 2 and Mistral have it: spaces as ▁, single bytes as a last resort."""
    _sentencepiece().save_pretrained(folder)
    torch.manual_seed(11)
    tokens = len(_sentencepiece())
    size = {"vocab_size": tokens, "eos_token_id": 2, "max_position_embeddings": 512}
    random_model(LlamaConfig(**(SMALL | size))).save_pretrained(folder)
    return folder


def _sentencepiece() -> PreTrainedTokenizerFast:
    letters = list('▁{}[]:,"abcdefghijklmnopqrstuvwxyz0123456789-.\\')
    pairs = [("▁", "{"), ("{", '"'), ('"', ":"), ("▁", '"'), ('"', ","), ("t", "r"), ("▁", "a")]
    words = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    words += [left + right for left, right in pairs]
    ranks = {word: rank for rank, word in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(ranks, pairs, unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
