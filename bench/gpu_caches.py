"""Caches for as many whole contexts as there are rows, in blocks and in slots."""

from transformers import PreTrainedModel

from inference.engines.local.kv import CacheShape, SlotCache
from inference.engines.local.paged import PagedCache, blocks_of


def in_blocks(
    model: PreTrainedModel, rows: int, context: int, blocks: int | None = None
) -> PagedCache:
    """`blocks`: fewer than all of them could want."""
    shape, kind = CacheShape.of(model.config), (model.dtype, model.device)
    return PagedCache(shape, rows, blocks or rows * blocks_of(context), context, *kind)


def in_slots(model: PreTrainedModel, rows: int, context: int) -> SlotCache:
    return SlotCache(CacheShape.of(model.config), rows, context, model.dtype, model.device)
