"""From lines of chat to rows of tokens, of which only the assistant's own are learned.

Rendered by the code that renders live prompts, so a model is trained on what it will be asked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from api.errors import InvalidRequest
from files import lines
from inference.engines.base import GenerationRequest, InvalidGeneration, SamplingParams
from inference.engines.local import fill_in, vocabulary
from inference.engines.local.prompts import PromptEncoder, load_tokenizer
from inference.engines.local.tool_formats import format_of
from inference.fine_tuning.trainer.spec import Refused
from inference.schemas.chat_completions import ChatCompletionRequest
from inference.schemas.refusals import parse

CODES: Final = {
    "training_file": "invalid_training_file",
    "validation_file": "invalid_validation_file",
}
FIELDS: Final = {"messages", "tools", "functions", "parallel_tool_calls"}


@dataclass(frozen=True, slots=True)
class Row:
    """`learned` are the places of the tokens that the model should have said."""

    tokens: list[int]
    learned: list[int]


class Examples:
    """Reads one base's files of examples."""

    def __init__(self, base: Path, context: int) -> None:
        tokenizer = load_tokenizer(base)
        known = vocabulary.read(tokenizer, len(tokenizer))
        self._context = context
        self._ends = {cast("int", tokenizer.eos_token_id)} | fill_in.ends(tokenizer)
        self._encoder = PromptEncoder(
            base, len(tokenizer), context, known.longest, format_of(tokenizer)
        )

    def read(self, file: Path, param: str) -> list[Row]:
        """Raises Refused: the first line that cannot be learned from, and why."""
        return list(self._rows(file, param))

    def _rows(self, file: Path, param: str) -> Iterator[Row]:
        with file.open("rb") as stream:
            try:
                for number, line in lines.objects(stream):
                    yield self._row(number, line)
            except InvalidRequest as wrong:
                raise Refused(CODES[param], wrong.message, param) from wrong

    def _row(self, number: int, line: Mapping[str, Any]) -> Row:
        try:
            return self._tokenised(_request(line), _weights(line))
        except (InvalidRequest, InvalidGeneration) as wrong:
            raise InvalidRequest(f"Line {number}: {wrong}") from wrong

    def _tokenised(self, asked: GenerationRequest, weights: list[bool]) -> Row:
        whole = self._encoder.conversation(asked)
        if len(whole) > self._context:
            raise InvalidRequest(
                f"it has {len(whole):,} tokens; this model takes {self._context:,}. Shorten it."
            )
        learned: list[int] = []
        for place, (message, counts) in enumerate(zip(asked.messages, weights, strict=True)):
            if message.role == "assistant" and counts:
                learned += self._said(asked, place, whole)
        if not learned:
            raise InvalidRequest("it holds nothing to learn: no word of the assistant counts.")
        return Row(whole, learned)

    def _said(self, asked: GenerationRequest, place: int, whole: list[int]) -> range:
        """Where in `whole` the assistant's message lies, to its end token; nowhere, if the template
        tells the message differently once others follow."""
        before = self._encoder.encode(_cut(asked, place))
        after = self._encoder.conversation(_cut(asked, place + 1))
        if whole[: len(after)] != after:
            return range(0)
        begin = next(
            (at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
            len(before),
        )
        ends = [at for at in range(begin, len(after)) if after[at] in self._ends]
        return range(begin, ends[-1] + 1 if ends else len(after))


def _request(line: Mapping[str, Any]) -> GenerationRequest:
    """What would have been asked, checked as a call is."""
    if unknown := line.keys() - FIELDS:
        raise InvalidRequest(f"Unknown parameter: '{min(unknown)[:64]}'.")
    messages = [
        {name: value for name, value in message.items() if name != "weight"}
        for message in _messages(line)
    ]
    asked = parse(ChatCompletionRequest, {**line, "messages": messages})
    (request,) = asked.generations("", "", "")
    return GenerationRequest("", "", SamplingParams(), request.messages, tools=request.tools)


def _weights(line: Mapping[str, Any]) -> list[bool]:
    given = [message.get("weight", 1) for message in _messages(line)]
    if any(weight not in (0, 1) for weight in given):
        raise InvalidRequest("'weight' of a message is 0 or 1.")
    return [bool(weight) for weight in given]


def _messages(line: Mapping[str, Any]) -> list[dict[str, Any]]:
    messages = line.get("messages")
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise InvalidRequest("`messages` must be a list of chat messages.")
    return messages


def _cut(asked: GenerationRequest, place: int) -> GenerationRequest:
    return GenerationRequest("", "", SamplingParams(), asked.messages[:place], tools=asked.tools)
