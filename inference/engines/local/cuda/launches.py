"""Calls the kernels: from tensors to grids."""

from typing import NamedTuple

import torch

from inference.engines.local.cuda import kernels
from inference.engines.local.kv import Cache
from inference.engines.local.packed_layers import Head, Norm

Rows = tuple[torch.Tensor, torch.Tensor]  # slots and positions
Kept = tuple[torch.Tensor, torch.Tensor]  # keys and values

MOST_SPLITS = 32
PROGRAMS = 4  # of attention for each processor: fewer leave some idle, more only share the work
WIDE = 4096  # numbers of a row that more threads share
# Loads that are under way at once, of which the table's entries take two; of keys and values there
# are as many as a processor has room for.
STAGES, STAGES_WIDE = 5, 3
SMALLEST = 16  # rows that a matrix unit multiplies at least


class Shape(NamedTuple):
    """Of one token's attention, and of the cache: tokens of a block, strides of a token and of a
    head in it, and the table of slots' blocks."""

    heads: int
    kv_heads: int
    width: int
    page: int
    strides: tuple[int, int]
    table: torch.Tensor  # [slots, blocks of one]

    @classmethod
    def of(cls, heads: int, cache: Cache) -> "Shape":
        return cls(heads, cache.heads, cache.width, cache.page, cache.strides, cache.table)


def normed(norm: Norm, inputs: torch.Tensor) -> torch.Tensor:
    output = torch.empty_like(inputs)
    rows, width = inputs.shape
    block = _power(width)
    kernels.norm[(rows,)](
        inputs,
        norm.weight,
        norm.eps,
        output,
        width,
        BLOCK=block,
        num_warps=4 if block < WIDE else 8,
    )
    return output


def gated(both: torch.Tensor, *, tanh: bool) -> torch.Tensor:
    rows, width = both.shape[0], both.shape[1] // 2
    output = both.new_empty(rows, width)
    block = min(1024, _power(width))
    kernels.gate[(rows, -(-width // block))](both, output, width, BLOCK=block, TANH=tanh)
    return output


def turned_and_kept(
    joint: torch.Tensor,
    turn: tuple[torch.Tensor, torch.Tensor],
    norm: Norm | None,
    cached: Kept,
    rows: Rows,
    shape: Shape,
) -> torch.Tensor:
    """Queries `[rows, heads, width]`; keys and values are in their blocks."""
    slots, positions = rows
    query = joint.new_empty(len(joint), shape.heads, shape.width)
    weight, eps = (norm.weight, norm.eps) if norm else (joint, joint)  # not read without one
    kernels.turn_and_keep[(len(joint), shape.heads + 2 * shape.kv_heads)](
        joint, *turn, weight, eps, shape.table, slots, positions, query, *cached,
        shape.table.shape[1],
        HEADS=shape.heads, KV_HEADS=shape.kv_heads, WIDTH=shape.width, BLOCK=_power(shape.width),
        NORMED=norm is not None, PAGE=shape.page, TOKEN=shape.strides[0], HEAD=shape.strides[1],
        num_warps=1,
    )  # fmt: skip
    return query


def attended(
    query: torch.Tensor,
    cached: Kept,
    rows: Rows,
    head: Head,
    shape: Shape,
) -> torch.Tensor:
    """`[rows, heads * width]`: each row against its own slot, up to its own position."""
    count, heads, width = query.shape
    group = heads // shape.kv_heads
    splits = _splits(count * shape.kv_heads, query.device)
    output = torch.empty_like(query)
    parts, tops, sums = output, output, output  # not written when nothing is split
    if splits > 1:
        parts = query.new_empty(count, heads, splits, width, dtype=torch.float32)
        tops, sums = (query.new_empty(count, heads, splits, dtype=torch.float32) for _ in range(2))
    wide = query.dtype == torch.float32 or width > 128  # noqa: PLR2004 - what fits into a processor
    kernels.attend[(count, shape.kv_heads, splits)](
        query, *cached, shape.table, *rows, output, parts, tops, sums,
        head.scaling, head.softcap or 1.0, shape.table.shape[1],
        WINDOW=head.window or 0, CAPPED=head.softcap is not None,
        KV_HEADS=shape.kv_heads, GROUP=group, GROUP_BLOCK=max(SMALLEST, _power(group)),
        WIDTH=width, WIDTH_BLOCK=max(SMALLEST, _power(width)),
        KEYS=32 if wide else 64, SPLITS=splits,
        PAGE=shape.page, TOKEN=shape.strides[0], HEAD=shape.strides[1],
        num_warps=4, num_stages=STAGES_WIDE if wide else STAGES,
    )  # fmt: skip
    if splits > 1:
        kernels.join[(count * heads,)](
            parts, tops, sums, output, WIDTH=width, WIDTH_BLOCK=_power(width), SPLITS=splits
        )
    return output.flatten(1)


def _splits(programs: int, device: torch.device) -> int:
    """Into how many shares the keys of a row are cut, a power of two: a few rows alone would leave
    most of the processors idle."""
    splits, most = 1, PROGRAMS * _processors(device)
    while splits < MOST_SPLITS and 2 * splits * programs <= most:
        splits *= 2
    return splits


def _processors(device: torch.device) -> int:
    if device.type != "cuda":
        return 16  # in Triton's interpreter: so that tests see shares
    return torch.cuda.get_device_properties(device).multi_processor_count


def _power(number: int) -> int:
    return 1 << (number - 1).bit_length()
