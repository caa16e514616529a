"""Turns documents into full windows of tokens, several documents to a window, for training."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from transformers import PreTrainedTokenizerFast

from inference.builtin.corpus.conversations import Document, documents
from inference.builtin.corpus.exchange import dumps
from inference.builtin.tokenizer import END, END_OF_TEXT, START, TEMPLATE

# Window lengths; every batch has the same number of tokens, in windows of one length.
LENGTHS = (192, 512, 2_048)
_BLOCK = 64  # documents rendered and encoded at a time
_LOOK_BACK = 48  # open windows in which a document may still find room


@dataclass(frozen=True)
class Batch:
    """Windows [rows, length]: tokens, which document each belongs to, and which are learned."""

    tokens: torch.Tensor
    owners: torch.Tensor
    learned: torch.Tensor

    def attention(self) -> torch.Tensor:
        """[rows, 1, length, length]: each token sees its own document up to itself."""
        same = self.owners[:, None, :, None] == self.owners[:, None, None, :]
        return same.tril()


@cache
def _template() -> Template:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = dumps
    return environment.from_string(TEMPLATE.read_text())


def rendered(document: Document) -> str:
    """The document as the model reads it."""
    if document.text:
        return document.text + END_OF_TEXT
    offered = list(document.offered)
    return _template().render(messages=list(document.messages), tools=offered).removesuffix("\n")


class Windows:
    """Open windows of one length, filled first-fit, handed out when the oldest are full enough."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._rows: list[list[tuple[list[int], list[bool]]]] = []
        self._room: list[int] = []

    def add(self, tokens: list[int], learned: list[bool]) -> None:
        """Puts a document into the first recent window with room, else into a new one."""
        first = max(0, len(self._room) - _LOOK_BACK)
        for row in range(first, len(self._room)):
            if self._room[row] >= len(tokens):
                break
        else:
            row = len(self._room)
            self._rows.append([])
            self._room.append(self.length)
        self._rows[row].append((tokens, learned))
        self._room[row] -= len(tokens)

    def ready(self, rows: int) -> bool:
        """Whether a batch can be taken while some windows stay open."""
        return len(self._rows) >= rows + _LOOK_BACK

    def take(self, rows: int) -> Batch:
        """The oldest windows as a batch."""
        taken, self._rows = self._rows[:rows], self._rows[rows:]
        self._room = self._room[rows:]
        tokens = torch.zeros(rows, self.length, dtype=torch.long)
        owners = torch.full((rows, self.length), -1)
        learned = torch.zeros(rows, self.length, dtype=torch.bool)
        for row, packed in enumerate(taken):
            start = 0
            for owner, (ids, learn) in enumerate(packed):
                end = start + len(ids)
                tokens[row, start:end] = torch.tensor(ids)
                owners[row, start:end] = owner
                learned[row, start:end] = torch.tensor(learn)
                start = end
        return Batch(tokens, owners, learned)


def batches(
    tokenizer: PreTrainedTokenizerFast, seed: str, size: int, drill: float = 0.0
) -> Iterator[Batch]:
    """Endless batches of `size` tokens; documents longer than the longest window are left out."""
    windows = [Windows(length) for length in LENGTHS]
    for texts in _blocks(documents(seed, drill)):
        for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]:
            for each in windows:
                if len(ids) <= each.length:
                    each.add(ids, _learned(tokenizer, ids))
                    break
        for each in windows:
            while each.ready(size // each.length):
                yield each.take(size // each.length)


def _blocks(stream: Iterator[Document]) -> Iterator[list[str]]:
    while True:
        yield [rendered(next(stream)) for _ in range(_BLOCK)]


def _learned(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> list[bool]:
    """What the assistant says, with the token that ends it; of a plain text all but the first."""
    start, end = (tokenizer.convert_tokens_to_ids(each) for each in (START, END))
    if ids[0] != start:
        return [False] + [True] * (len(ids) - 1)
    role = tokenizer.encode("assistant\n", add_special_tokens=False)
    learned, speaking = [False] * len(ids), False
    for place, token in enumerate(ids):
        if speaking:
            learned[place] = True
            speaking = token != end
        elif ids[place - len(role) : place] == role and ids[place - len(role) - 1] == start:
            speaking = learned[place] = True
    return learned
