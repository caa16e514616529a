"""What a decoding step does between its products, as Triton kernels.

Arithmetic is in single precision; what lies in memory has the model's own. Positions, slots and the
table of their blocks are read on the device: a recording of these serves contexts of any length.

A block has `PAGE` tokens; in it the next one is `TOKEN` numbers further, and the next head `HEAD`.
"""

import triton
import triton.language as tl


@triton.jit
def norm(inputs, weight, eps, output, width, BLOCK: tl.constexpr):
    """A row of `[rows, width]` by its root mean square."""
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    inside = at < width
    wide = tl.load(inputs + row * width + at, mask=inside, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(wide * wide, 0) / width + tl.load(eps))
    normed = wide * scale * tl.load(weight + at, mask=inside, other=0.0)
    tl.store(output + row * width + at, normed.to(output.dtype.element_ty), mask=inside)


@triton.jit
def gate(both, output, width, BLOCK: tl.constexpr, TANH: tl.constexpr):
    """The activation of the first half of `[rows, 2 * width]`, times the second one."""
    row = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = at < width
    first = both + row * 2 * width + at
    gates = tl.load(first, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(first + width, mask=inside, other=0.0).to(tl.float32)
    if TANH:
        inner = 1.5957691216057308 * (gates + 0.044715 * gates * gates * gates)
        active = gates * tl.sigmoid(inner)
    else:
        active = gates * tl.sigmoid(gates)
    own = output.dtype.element_ty
    tl.store(output + row * width + at, (active.to(own).to(tl.float32) * up).to(own), mask=inside)


@triton.jit
def turn_and_keep(
    joint, cos, sin, weight, eps, table, slots, positions, query, keys, values, columns,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
    NORMED: tl.constexpr, PAGE: tl.constexpr, TOKEN: tl.constexpr, HEAD: tl.constexpr,
):  # fmt: skip
    """One head of one row of `[rows, heads + 2 * kv heads, width]`: queries and keys are turned to
    their position (normed before, where the model does), keys and values go to their slot's block.

    `sin` has its first half negated.
    """
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    at = tl.arange(0, BLOCK)
    inside = at < WIDTH
    source = joint + (row * (HEADS + 2 * KV_HEADS) + head) * WIDTH
    mine = tl.load(source + at, mask=inside, other=0.0).to(tl.float32)
    if head < HEADS + KV_HEADS:
        turns = cos + row * WIDTH, sin + row * WIDTH
        mine = _turned(mine, source, turns, weight + head * WIDTH, eps, WIDTH, BLOCK, NORMED)
    number = (head - HEADS) % KV_HEADS
    slot = tl.load(slots + row).to(tl.int64)
    position = tl.load(positions + row).to(tl.int64)
    block = tl.load(table + slot * columns + position // PAGE).to(tl.int64)
    place = block * (PAGE * KV_HEADS * WIDTH) + (position % PAGE) * TOKEN + number * HEAD
    if head < HEADS:
        target = query + (row * HEADS + head) * WIDTH
    elif head < HEADS + KV_HEADS:
        target = keys + place
    else:
        target = values + place
    tl.store(target + at, mine.to(query.dtype.element_ty), mask=inside)


@triton.jit
def _turned(
    mine, source, turns, weights, eps,
    WIDTH: tl.constexpr, BLOCK: tl.constexpr, NORMED: tl.constexpr,
):  # fmt: skip
    at = tl.arange(0, BLOCK)
    inside = at < WIDTH
    partner = (at + WIDTH // 2) % WIDTH
    other = tl.load(source + partner, mask=inside, other=0.0).to(tl.float32)
    own = source.dtype.element_ty
    if NORMED:
        scale = tl.rsqrt(tl.sum(mine * mine, 0) / WIDTH + tl.load(eps))
        mine = mine * scale * tl.load(weights + at, mask=inside, other=0.0)
        other = other * scale * tl.load(weights + partner, mask=inside, other=0.0)
        mine = mine.to(own).to(tl.float32)
        other = other.to(own).to(tl.float32)
    cos, sin = turns
    cosines = tl.load(cos + at, mask=inside, other=0.0).to(tl.float32)
    sines = tl.load(sin + at, mask=inside, other=0.0).to(tl.float32)
    return mine * cosines + other * sines


@triton.jit
def attend(
    query, keys, values, table, slots, positions, output, parts, tops, sums, scaling, cap, columns,
    WINDOW: tl.constexpr, CAPPED: tl.constexpr, KV_HEADS: tl.constexpr, GROUP: tl.constexpr,
    GROUP_BLOCK: tl.constexpr, WIDTH: tl.constexpr, WIDTH_BLOCK: tl.constexpr,
    KEYS: tl.constexpr, SPLITS: tl.constexpr,
    PAGE: tl.constexpr, TOKEN: tl.constexpr, HEAD: tl.constexpr,
):  # fmt: skip
    """The queries that share a kv head, of one row, against a share of its slot's keys.

    With `SPLITS` of 1 the answer goes to `output` `[rows, heads, width]`; otherwise what `join`
    needs goes to `parts` `[rows, heads, splits, width]`, `tops` and `sums` `[rows, heads, splits]`.
    """
    row = tl.program_id(0).to(tl.int64)
    number = tl.program_id(1)
    members = tl.arange(0, GROUP_BLOCK)
    at = tl.arange(0, WIDTH_BLOCK)
    real = (members < GROUP)[:, None] & (at < WIDTH)[None, :]
    heads = row * KV_HEADS * GROUP + number * GROUP + members
    wanted = tl.load(query + heads[:, None] * WIDTH + at[None, :], mask=real, other=0.0)
    blocks = table + tl.load(slots + row).to(tl.int64) * columns
    first, last = _share(tl.load(positions + row).to(tl.int32) + 1, WINDOW, KEYS, SPLITS)
    top, total, found = _found(
        wanted, keys + number * HEAD, values + number * HEAD, blocks, first, last, scaling, cap,
        CAPPED, GROUP_BLOCK, WIDTH, WIDTH_BLOCK, KEYS, PAGE, TOKEN, PAGE * KV_HEADS * WIDTH,
    )  # fmt: skip
    if SPLITS == 1:
        answer = (found / total[:, None]).to(output.dtype.element_ty)
        tl.store(output + heads[:, None] * WIDTH + at[None, :], answer, mask=real)
    else:
        places = heads * SPLITS + tl.program_id(2)
        tl.store(parts + places[:, None] * WIDTH + at[None, :], found, mask=real)
        tl.store(tops + places, top, mask=members < GROUP)
        tl.store(sums + places, total, mask=members < GROUP)


@triton.jit
def _share(length, WINDOW: tl.constexpr, KEYS: tl.constexpr, SPLITS: tl.constexpr):
    """From which key to which this program looks."""
    begin = 0
    if WINDOW > 0:
        begin = tl.maximum(length - WINDOW, 0)
    share = tl.cdiv(tl.cdiv(length - begin, SPLITS), KEYS) * KEYS
    first = begin + tl.program_id(2) * share
    return first, tl.minimum(first + share, length)


@triton.jit
def _found(
    wanted, keys, values, blocks, first, last, scaling, cap,
    CAPPED: tl.constexpr, GROUP_BLOCK: tl.constexpr, WIDTH: tl.constexpr,
    WIDTH_BLOCK: tl.constexpr, KEYS: tl.constexpr,
    PAGE: tl.constexpr, TOKEN: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """The highest score of each query, the sum of its weights, and of the values by them."""
    at = tl.arange(0, WIDTH_BLOCK)
    inside = at < WIDTH
    top = tl.full([GROUP_BLOCK], float("-inf"), tl.float32)
    total = tl.zeros([GROUP_BLOCK], tl.float32)
    found = tl.zeros([GROUP_BLOCK, WIDTH_BLOCK], tl.float32)
    for start in range(first, last, KEYS):
        seen = start + tl.arange(0, KEYS)
        shown = seen < last
        block = tl.load(blocks + seen // PAGE, mask=shown, other=0).to(tl.int64)
        places = block * SIZE + (seen % PAGE) * TOKEN
        turned = places[None, :] + at[:, None]
        key = tl.load(keys + turned, mask=shown[None, :] & inside[:, None], other=0.0)
        scores = tl.dot(wanted, key, input_precision="ieee") * scaling
        if CAPPED:
            scores = cap * (2.0 * tl.sigmoid(2.0 * scores / cap) - 1.0)
        scores = tl.where(shown[None, :], scores, float("-inf"))
        higher = tl.maximum(top, tl.max(scores, 1))
        weights = tl.exp(scores - higher[:, None])
        fade = tl.exp(top - higher)
        total = total * fade + tl.sum(weights, 1)
        straight = places[:, None] + at[None, :]
        value = tl.load(values + straight, mask=shown[:, None] & inside[None, :], other=0.0)
        found = found * fade[:, None]
        found += tl.dot(weights.to(value.dtype), value, input_precision="ieee")
        top = higher
    return top, total, found


@triton.jit
def join(
    parts, tops, sums, output,
    WIDTH: tl.constexpr, WIDTH_BLOCK: tl.constexpr, SPLITS: tl.constexpr,
):  # fmt: skip
    """Shares of one head's attention become its answer. A share without keys weighs nothing."""
    place = tl.program_id(0).to(tl.int64)
    splits = place * SPLITS + tl.arange(0, SPLITS)
    at = tl.arange(0, WIDTH_BLOCK)
    inside = at < WIDTH
    own = tl.load(tops + splits)
    factors = tl.exp(own - tl.max(own, 0))
    total = tl.sum(tl.load(sums + splits) * factors, 0)
    each = tl.load(parts + splits[:, None] * WIDTH + at[None, :], mask=inside[None, :], other=0.0)
    answer = tl.sum(each * factors[:, None], 0) / total
    tl.store(output + place * WIDTH + at, answer.to(output.dtype.element_ty), mask=inside)
