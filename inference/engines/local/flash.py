"""Attention of prompts by torch's flash kernels, which hold no scores: GPUs, half precision."""

import inspect
import logging
from collections.abc import Sequence as Rows
from itertools import accumulate
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by
from torch.nn.attention.varlen import varlen_attn

from inference.engines.local.kv import Cache
from inference.engines.local.packed_layers import Head
from inference.engines.local.uploads import upload

HALVES = (torch.bfloat16, torch.float16)
NEAR = 0.02  # what half precision may be off, of numbers about 1
TRIAL = 25  # tokens: more than a block
# Releases before 2.12 take groups of heads unasked.
KNOWN = inspect.signature(varlen_attn).parameters
GROUPS: dict[str, Any] = {"enable_gqa": True} if "enable_gqa" in KNOWN else {}

log = logging.getLogger(__name__)


class Bounds(NamedTuple):
    """Where each of some prompts begins and ends among the queries and among the keys, as 32-bit
    numbers, and how many it has at most. Or the keys are in blocks: where, and how many of them."""

    queries: torch.Tensor
    keys: torch.Tensor
    most_queries: int
    most_keys: int
    table: torch.Tensor | None = None  # [prompts, blocks]
    used: torch.Tensor | None = None  # [prompts]


def bounds(queries: Rows[int], keys: Rows[int], device: torch.device) -> Bounds:
    """Of prompts that have so many of each."""
    numbers = upload([[0, *accumulate(each)] for each in (queries, keys)], device, torch.int32)
    return Bounds(numbers[0], numbers[1], max(queries), max(keys))


def attend(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, bounds: Bounds, head: Head
) -> torch.Tensor:
    """Query `[tokens, heads, width]`, the last of a prompt's tokens being the last of its keys
    `[tokens, kv heads, width]` or `[blocks, tokens, kv heads, width]`; returns `[tokens, heads *
    width]`."""
    more: dict[str, Any] = {}
    if bounds.table is not None:
        more = {"block_table": bounds.table, "seqused_k": bounds.used}
    found: Any = varlen_attn(
        query,
        keys,
        values,
        bounds.queries,
        bounds.keys,
        bounds.most_queries,
        bounds.most_keys,
        scale=head.scaling,
        window_size=(-1 if head.window is None else head.window - 1, 0),
        **GROUPS,
        **more,
    )
    attended: torch.Tensor = found.flatten(1)
    return attended


@torch.inference_mode()
def serves(cache: Cache, heads: int, *, blocks: bool = False) -> bool:
    """Whether it says here what torch's plain attention says; of keys in blocks, if they are."""
    if cache.device.type != "cuda" or cache.dtype not in HALVES:
        return False
    if blocks and "block_table" not in KNOWN:
        return False
    way = "reading blocks where they lie" if blocks else "flash attention"
    try:
        off = difference(cache, heads, blocks=blocks)
    except RuntimeError as error:  # kernels for Ampere take blocks of 256 tokens alone
        log.warning("prompts are computed without %s: %s", way, error)
        return False
    if not off < NEAR:
        log.warning("prompts are computed without %s: it is %.3g off", way, off)
    return off < NEAR


def difference(cache: Cache, heads: int, *, blocks: bool = False) -> float:
    """Of the second pieces of two prompts, with a window and without."""
    query = torch.randn(8, heads, cache.width, device=cache.device, dtype=cache.dtype)
    size = 2, 2, TRIAL, cache.heads, cache.width  # keys and values of two prompts
    kept = torch.randn(size, device=cache.device, dtype=cache.dtype)
    lengths = bounds([5, 3], [TRIAL, TRIAL - 4], cache.device)
    given = torch.cat((kept[:, 0], kept[:, 1, :-4]), dim=1)
    if blocks:
        given, lengths = _in_blocks(kept, cache.page, lengths)
    off = []
    for window in (None, 3):
        head = Head(0.1, window, None, None)
        found = attend(query, given[0], given[1], lengths, head)
        wanted = [_plain(query[:5], kept[:, 0], head), _plain(query[5:], kept[:, 1, :-4], head)]
        off.append((found - torch.cat(wanted)).abs().max())
    return float(max(off))


def _plain(query: torch.Tensor, kept: torch.Tensor, head: Head) -> torch.Tensor:
    count = kept.shape[1]
    seen = torch.arange(count, device=query.device)
    own = seen[-len(query) :, None]
    mask = (seen <= own) & (seen > own - (head.window or count))
    keys, values = kept.repeat_interleave(query.shape[1] // kept.shape[2], 2).transpose(1, 2)
    found = F.scaled_dot_product_attention(
        query.transpose(0, 1), keys, values, mask, scale=head.scaling
    )
    return found.transpose(0, 1).flatten(1)


def _in_blocks(kept: torch.Tensor, page: int, lengths: Bounds) -> tuple[torch.Tensor, Bounds]:
    """The same in blocks, the second prompt's before the first one's."""
    each = -(-TRIAL // page)
    padded = F.pad(kept, (0, 0, 0, 0, 0, each * page - TRIAL)).flip(1)
    table = torch.arange(2 * each, device=kept.device, dtype=torch.int32).view(2, each).flip(0)
    used = (lengths.keys[1:] - lengths.keys[:-1]).contiguous()
    laid = padded.reshape(2, 2 * each, page, *kept.shape[3:])
    return laid, lengths._replace(table=table.contiguous(), used=used)
