"""What makes numbers of a piece of texts: a pooled encoder, a generating model, or a classifier."""

import copy
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from transformers import DynamicCache, PreTrainedModel

from inference.engines.local.packed_layers import CAPS_SCORES
from inference.pooling import Pooling

Row = "array[int]"


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded on the right; `mask` is 1 where a token is."""

    ids: torch.Tensor
    mask: torch.Tensor

    @classmethod
    def of(cls, rows: "Sequence[array[int]]", device: torch.device) -> "Batch":
        longest = max(map(len, rows))
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.frombuffer(row, dtype=torch.int32)
            mask[place, : len(row)] = 1
        return cls(ids.to(device), mask.to(device))


class TextModel:
    """Numbers for texts: `width` of them each, which `labels` name where the model classifies.

    A piece has at most `piece_tokens`; the next one, or part of a long text, `part_tokens`.
    """

    width: int
    piece_tokens: int
    part_tokens: int
    labels: tuple[str, ...] = ()

    def __init__(self, model: PreTrainedModel, piece_tokens: int) -> None:
        self.piece_tokens = self.part_tokens = piece_tokens
        self._model = model
        model.eval()  # type: ignore[no-untyped-call]  # transformers leaves it untyped

    def read(self, rows: "Sequence[array[int]]") -> Iterator[torch.Tensor | None]:
        """`[rows, width]` on the CPU at last; None after every other bounded part of the work."""
        with torch.inference_mode():
            numbers = self._together(Batch.of(rows, self._model.device))
        yield numbers.float().cpu()

    def _together(self, batch: Batch) -> torch.Tensor:
        raise NotImplementedError


class Encoder(TextModel):
    """Reads a text in both directions, so a text is computed whole, however long it is."""

    def __init__(self, model: PreTrainedModel, pooling: Pooling, piece_tokens: int) -> None:
        super().__init__(model, piece_tokens)
        self._pooling = pooling
        self.width = model.config.hidden_size

    def _together(self, batch: Batch) -> torch.Tensor:
        output = self._model(input_ids=batch.ids, attention_mask=batch.mask)
        return self._shaped(_pooled(output.last_hidden_state.float(), batch.mask, self._pooling))

    def _shaped(self, vectors: torch.Tensor) -> torch.Tensor:
        return F.normalize(vectors, dim=-1) if self._pooling.normalise else vectors


class Reader(Encoder):
    """A generating model without its head: the same weights, an attention of its own.

    A text longer than a piece is read in parts, so that nobody who generates waits for all of it.
    """

    def __init__(self, model: PreTrainedModel, pooling: Pooling, piece_tokens: int) -> None:
        super().__init__(_sharing_weights(model), pooling, piece_tokens)

    def read(self, rows: "Sequence[array[int]]") -> Iterator[torch.Tensor | None]:
        if len(rows) == 1 and len(rows[0]) > self.part_tokens:
            yield from self._in_parts(rows[0])
        else:
            yield from super().read(rows)

    def _in_parts(self, row: "array[int]") -> Iterator[torch.Tensor | None]:
        cache = DynamicCache(config=self._model.config)
        parts: list[torch.Tensor] = []
        ids = Batch.of([row], self._model.device).ids
        start = 0
        while start < len(row):
            if parts:
                yield None
            with torch.inference_mode():
                part = ids[:, start : start + self.part_tokens]
                start += part.shape[1]
                output = self._model(input_ids=part, past_key_values=cache, use_cache=True)
                parts.append(output.last_hidden_state.float())
        with torch.inference_mode():
            whole = torch.cat(parts, dim=1)
            pooled = _pooled(whole, torch.ones_like(ids), self._pooling)
            numbers = self._shaped(pooled).cpu()
        yield numbers


class Classifier(TextModel):
    """How much each label applies, from 0 to 1: each for itself, or shares of one whole."""

    def __init__(
        self, model: PreTrainedModel, labels: tuple[str, ...], *, multi: bool, piece_tokens: int
    ) -> None:
        super().__init__(model, piece_tokens)
        self.labels = labels
        self.width = len(labels)
        self._multi = multi

    def _together(self, batch: Batch) -> torch.Tensor:
        logits = self._model(input_ids=batch.ids, attention_mask=batch.mask).logits.float()
        return torch.sigmoid(logits) if self._multi else torch.softmax(logits, dim=-1)


def _pooled(hidden: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """`[rows, tokens, width]` → `[rows, width]`."""
    real = mask[..., None].to(hidden.dtype)
    match pooling.kind:
        case "cls":
            return hidden[:, 0]
        case "last":
            return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(1) - 1]
        case "max":
            return hidden.masked_fill(real == 0, -torch.inf).amax(1)
    return (hidden * real).sum(1) / real.sum(1)


def _sharing_weights(model: PreTrainedModel) -> PreTrainedModel:
    """The model below the head, once more, over the same tensors: attention is chosen by model."""
    inner: Any = model.base_model
    kept = {id(tensor): tensor for tensor in (*inner.parameters(), *inner.buffers())}
    shared: PreTrainedModel = copy.deepcopy(inner, kept)
    capped = model.config.model_type in CAPS_SCORES
    shared.set_attn_implementation("eager" if capped else "sdpa")
    return shared
