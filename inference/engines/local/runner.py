"""Runs one packed step through the model: plans the tokens, and returns the logits that matter."""

from collections.abc import Sequence as Rows

import torch
from transformers import PreTrainedModel

from inference.engines.local.adapters import Adapter
from inference.engines.local.adapters_forward import AdaptedModel
from inference.engines.local.attention import NAME, DecodeGroup, PromptSpan, StepPlan
from inference.engines.local.kv import SlotCache
from inference.engines.local.sequences import Chunk, Sequence

# Numbers of padding (per layer, keys only) that cost about as much as starting another group.
PADDING_PER_GROUP = 1 << 16


class Runner:
    def __init__(self, model: PreTrainedModel, cache: SlotCache) -> None:
        model.set_attn_implementation(NAME)
        self._model = model
        self._adapted = AdaptedModel(model)
        model.eval()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        self.cache = cache
        self._heads, _, self._width = cache.layer(0)[0].shape[1:]
        self.device = model.device

    @torch.inference_mode()
    def forward(self, decoding: Rows[Sequence], chunks: Rows[Chunk]) -> torch.Tensor:
        """Logits `[decoding + completed prompts + scored, vocabulary]`: the last are those of the
        prompt tokens before the ones to be scored. Decoding slots are contiguous."""
        tokens = [row.last_token for row in decoding]
        positions = [row.length for row in decoding]
        wanted = list(range(len(decoding)))
        spans: list[PromptSpan] = []
        scored: list[int] = []
        for chunk in chunks:
            start = len(tokens)
            tokens += chunk.sequence.submission.prompt[chunk.start : chunk.stop]
            positions += range(chunk.start, chunk.stop)
            spans.append(self._span(chunk, start))
            if chunk.completes_prompt:
                wanted.append(len(tokens) - 1)
            scored += range(start, start + chunk.scored)
        where = self._tensor(positions)
        plan = StepPlan(
            cache=self.cache,
            decoding=len(decoding),
            slots=self._tensor([row.slot for row in decoding]),
            positions=where[: len(decoding)],
            groups=self._groups(decoding, where),
            spans=spans,
        )
        with self._adapted.running(_adapters(decoding, chunks)):
            return self._logits(self._tensor(tokens), where, wanted + scored, plan)

    def _logits(
        self, tokens: torch.Tensor, positions: torch.Tensor, wanted: list[int], plan: StepPlan
    ) -> torch.Tensor:
        everything = wanted == list(range(len(tokens)))
        output = self._model(
            input_ids=tokens[None],
            position_ids=positions[None],
            use_cache=False,
            logits_to_keep=0 if everything else self._tensor(wanted),
            step=plan,
        )
        logits: torch.Tensor = output.logits[0]
        return logits.float()

    def _span(self, chunk: Chunk, start: int) -> PromptSpan:
        count = chunk.stop - chunk.start
        mask = None
        if chunk.start:
            keys = torch.arange(chunk.stop, device=self.device)
            mask = keys[None, :] <= keys[chunk.start :, None]
        return PromptSpan(start, start + count, chunk.sequence.slot, chunk.start, mask)

    def _groups(self, decoding: Rows[Sequence], positions: torch.Tensor) -> list[DecodeGroup]:
        """Cut where padding short rows to the longest would cost more than another group."""
        groups: list[DecodeGroup] = []
        allowed = PADDING_PER_GROUP // (self._heads * self._width)
        start, longest, padding = 0, 0, 0
        for index, row in enumerate(decoding):
            length = row.length + 1
            growth = max(length - longest, 0) * (index - start) + max(longest - length, 0)
            if padding + growth > allowed:
                groups.append(self._group(decoding, positions, start, index))
                start, longest, padding, growth = index, 0, 0, 0
            longest, padding = max(longest, length), padding + growth
        if decoding:
            groups.append(self._group(decoding, positions, start, len(decoding)))
        return groups

    def _group(
        self, decoding: Rows[Sequence], positions: torch.Tensor, start: int, stop: int
    ) -> DecodeGroup:
        lengths = [row.length + 1 for row in decoding[start:stop]]
        longest, mask = max(lengths), None
        if min(lengths) < longest:
            keys = torch.arange(longest, device=self.device)
            hidden = keys[None, :] > positions[start:stop, None]
            dtype = self._model.dtype
            empty = torch.zeros(hidden.shape, dtype=dtype, device=self.device)
            rows = empty.masked_fill_(hidden, -torch.inf)
            mask = rows.repeat_interleave(self._heads, dim=0)[:, None]
        return DecodeGroup(start, stop, decoding[start].slot, longest, mask)

    def _tensor(self, numbers: list[int]) -> torch.Tensor:
        return torch.tensor(numbers, dtype=torch.long, device=self.device)


def _adapters(decoding: Rows[Sequence], chunks: Rows[Chunk]) -> list[Adapter | None]:
    """Of each packed token, if any has one."""
    owners = [row.submission.adapter for row in decoding]
    for chunk in chunks:
        owners += [chunk.sequence.submission.adapter] * (chunk.stop - chunk.start)
    return owners
