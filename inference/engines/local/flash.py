"""Attention of prompts by torch's flash kernels, which hold no scores: GPUs, half precision."""

import inspect
import logging
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by
from torch.nn.attention.varlen import varlen_attn

from inference.engines.local.kv import SlotCache
from inference.engines.local.packed_layers import Head

HALVES = (torch.bfloat16, torch.float16)
NEAR = 0.02  # what half precision may be off, of numbers about 1
# Releases before 2.12 take groups of heads unasked.
GROUPS: dict[str, Any] = (
    {"enable_gqa": True} if "enable_gqa" in inspect.signature(varlen_attn).parameters else {}
)

log = logging.getLogger(__name__)


def attend(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, bounds: torch.Tensor, head: Head
) -> torch.Tensor:
    """Query `[tokens, heads, width]`, the last of whose tokens is the last of the keys
    `[kv heads, keys, width]`; returns `[tokens, heads * width]`. `bounds` are those of both, as
    32-bit numbers."""
    found: Any = varlen_attn(
        query,
        keys.transpose(0, 1),
        values.transpose(0, 1),
        bounds[0],
        bounds[1],
        len(query),
        keys.shape[1],
        scale=head.scaling,
        window_size=(-1 if head.window is None else head.window - 1, 0),
        **GROUPS,
    )
    attended: torch.Tensor = found.flatten(1)
    return attended


@torch.inference_mode()
def serves(cache: SlotCache, heads: int) -> bool:
    """Whether it says here what torch's plain attention says."""
    if cache.device.type != "cuda" or cache.dtype not in HALVES:
        return False
    try:
        off = difference(cache, heads)
    except RuntimeError as error:
        log.warning("prompts are computed without flash attention: %s", error)
        return False
    if not off < NEAR:
        log.warning("prompts are computed without flash attention: it is %.3g off", off)
    return off < NEAR


def difference(cache: SlotCache, heads: int) -> float:
    """Of a prompt's second piece, with a window and without."""
    device, dtype = cache.device, cache.dtype
    kv_heads, width = cache.heads, cache.layer(0)[0].shape[-1]
    query = torch.randn(5, heads, width, device=device, dtype=dtype)
    keys, values = torch.randn(2, kv_heads, 9, width, device=device, dtype=dtype)
    bounds = torch.tensor([[0, 5], [0, 9]], device=device, dtype=torch.int32)
    turned = query.transpose(0, 1)
    group = heads // kv_heads
    wide = keys.repeat_interleave(group, 0), values.repeat_interleave(group, 0)
    own, seen = torch.arange(4, 9, device=device)[:, None], torch.arange(9, device=device)
    off = []
    for window in (None, 3):
        mask = (seen <= own) & (seen > own - (window or 9))
        wanted = F.scaled_dot_product_attention(turned, wide[0], wide[1], mask, scale=0.1)
        found = attend(query, keys, values, bounds, Head(0.1, window, None, None))
        off.append((found - wanted.transpose(0, 1).flatten(1)).abs().max())
    return float(max(off))
