"""A step computes on the model's device alone: nothing of it is left on, or fetched from, the host.

The device is torch's "meta", which knows shapes and no numbers: enough to see who is where.
"""

import pytest
import torch

from inference.engines.base import SamplingParams
from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.masks import Mask
from inference.engines.local.paged import PagedCache
from inference.engines.local.recorded_sampler import RecordedSampler
from inference.engines.local.runner import Runner
from inference.engines.local.sampler_rows import SamplerRow
from inference.engines.local.sequences import Chunk, Sequence, Submission
from tests.engines.recording import Done, Recordable, tensors
from tests.engines.small_models import CONTEXT, GREEDY, VOCABULARY, reference, shapes

META = torch.device("meta")
UPLOADS = {"aten::to", "aten::_to_copy", "aten::copy_"}
ON_THE_HOST = {"aten::lift_fresh", "aten::detach"}  # a list becomes a tensor


class AllOnMeta(Recordable):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Refuses whatever computes with a tensor of another device, or waits; counts what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.uploads = 0

    def see(self, name: str, done: Done) -> object:
        hosts = [each for each in tensors(done[1:]) if each.device != META and each.ndim]
        name = name.partition(".")[0]
        if name in ON_THE_HOST:
            return done()
        result = super().see(name, done)
        if name in UPLOADS:
            arrived = [each for each in tensors(result) if each.device == META]
            self.uploads += bool(hosts and arrived)
        else:
            assert not hosts, f"{name} computes with a tensor of {hosts[0].device}"
        return result


def sequence(prompt: int, slot: int, length: int, sampling: SamplingParams = GREEDY) -> Sequence:
    submission = Submission([1] * prompt, sampling, 5)
    row = SamplerRow(sampling, submission.prompt, 0)
    return Sequence(submission, 0, row, slot=slot, length=length, last_token=3, generated=2)


def runner(shape: str, *, blocks: bool = False) -> Runner:
    model = type(reference(shape))(reference(shape).config).to(META)  # type: ignore[arg-type]  # transformers' wrapper hides torch's signature
    of = CacheShape.of(model.config)
    cache: SlotCache | PagedCache = SlotCache(of, 5, CONTEXT, model.dtype, META)
    if blocks:
        cache = PagedCache(of, 5, 30, CONTEXT, model.dtype, META)
    return Runner(model, cache)


@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("blocks", [False, True])
def test_a_packed_step_of_rows_and_prompts(shape: str, blocks: bool) -> None:
    mine = runner(shape, blocks=blocks)
    for slot in range(4):
        mine.cache.extend(slot, 0, 60)
    decoding = [sequence(5, 0, 20), sequence(5, 1, 9)]
    chunks = [Chunk(sequence(40, 2, 0), 0, 40), Chunk(sequence(90, 3, 30), 30, 60)]
    with AllOnMeta() as seen:
        logits = mine.forward(decoding, chunks)
    assert (logits.device, logits.shape) == (META, (3, VOCABULARY))
    # Tokens, positions and slots at once; which logits are wanted; and what blocks are whose.
    assert seen.uploads <= 2 + blocks


def test_moving_rows_and_keeping_beginnings() -> None:
    cache = runner("llama").cache
    assert isinstance(cache, SlotCache)
    with AllOnMeta() as seen:
        cache.move(0, 1, 9)
        cache.swap(0, 1, 9)
        cache.put(2, 0, cache.get(0, 0, 8))
        cache.clear(1, 9)
    assert not seen.uploads


def test_choosing_tokens_of_every_kind_waits_for_nothing() -> None:
    kinds = [
        GREEDY,
        SamplingParams(),
        SamplingParams(top_k=5, top_p=0.5, min_p=0.1),
        SamplingParams(presence_penalty=1, repetition_penalty=2, logit_bias={3: 1.0}),
        SamplingParams(logprobs=True, top_logprobs=20),
    ]
    rows = [sequence(5, slot, 9, kind) for slot, kind in enumerate(kinds)]
    sampler = RecordedSampler(torch.zeros(6, VOCABULARY, device=META), lambda compute: compute)
    logits = torch.empty(5, VOCABULARY, device=META)
    sampler.choose(logits, rows)
    with AllOnMeta() as seen:
        chosen = sampler.choose(logits, rows, ahead=set(rows))
    assert seen.uploads == 1  # all rows' numbers
    assert chosen.told.shape == (3 + 2 * 20, 5)
    with AllOnMeta() as seen:
        sampler.choose(logits[:4], rows[:4], FakeMask(2))
    # Fewer rows; their neutral numbers, to record another program; what they add, since one step
    # came to nothing; and masks.
    assert seen.uploads == 4


class FakeMask(Mask):
    def __init__(self, rows: int) -> None:
        super().__init__({})
        self._rows = rows

    def wait(self) -> tuple[torch.Tensor, list[int]]:
        return torch.zeros(self._rows, VOCABULARY, dtype=torch.bool), list(range(self._rows))


def test_the_watch_itself_notices_a_tensor_of_the_host() -> None:
    with AllOnMeta(), pytest.raises(AssertionError, match="aten::add"):
        _ = torch.zeros(3) + torch.ones(3)
