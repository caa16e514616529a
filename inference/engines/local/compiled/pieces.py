"""What a layer is made of, for a few rows: products, norms, turns, attention.

Numba finds the types.

A product reads each weight once, for four outputs and four rows at a time: few rows are as fast as
memory is.
"""

import math
from typing import Any, NamedTuple

from numba import njit

from inference.engines.local.compiled.machine import F32, ONE, exp, get, moved, put
from inference.engines.local.compiled.wide import (
    LANES,
    filled,
    none,
    put_totals,
    put_wide,
    step_of,
    summed,
    wide,
    widened,
)

FAST = {"contract", "reassoc", "arcp", "nsz"}  # all but the promise that nothing is NaN
BLOCK = 4  # outputs computed together, and rows
ZERO, LOWEST_SCORE = F32(0), F32(-3e38)


class Rows(NamedTuple):
    """So many rows of numbers, `stride` apart."""

    first: Any
    stride: int
    number: int


class Past(NamedTuple):
    """So many keys and values that a row sees, and room for a score each (and for BLOCK more)."""

    keys: Any
    values: Any
    number: int
    scores: Rows


@njit(fastmath=FAST)
def product(inputs, weights, size, bounds, outputs, more):
    """Outputs from one of the bounds to the other, a multiple of BLOCK, of single precision;
    `weights` [outputs, size], of the same kind as the inputs. `more`: added to what is there."""
    begin, end = bounds
    for output in range(begin, end, BLOCK):
        own = moved(weights, output * size)
        row = 0
        while row + BLOCK <= inputs.number:
            _four_rows(_below(inputs, row, 0), own, size, _below(outputs, row, output), more)
            row += BLOCK
        while row < inputs.number:
            to = _below(outputs, row, output)
            _one_row(_below(inputs, row, 0).first, own, size, to.first, more)
            row += 1


@njit
def _below(rows, row, column):
    """The same rows from another row and column on."""
    first = moved(rows.first, row * rows.stride + column)
    return Rows(first, rows.stride, rows.number - row)


@njit(fastmath=FAST)
def norm(inputs, weight, size, eps, outputs):
    total = ZERO
    for i in range(size):
        total += get(inputs, i) * get(inputs, i)
    scale = ONE / math.sqrt(total / F32(size) + eps)
    for i in range(size):
        put(outputs, i, get(inputs, i) * scale * get(weight, i))


@njit(fastmath=FAST)
def add(states, more, count):
    for i in range(count):
        put(states, i, get(states, i) + get(more, i))


@njit(fastmath=FAST)
def spread(narrow, weights, apart, rank, outputs, count):
    """Adds the product of `rank` numbers, a multiple of BLOCK, by `weights` [rank, apart]."""
    for first in range(0, rank, BLOCK):
        a, b, c, d = (
            get(narrow, first),
            get(narrow, first + 1),
            get(narrow, first + 2),
            get(narrow, first + 3),
        )
        own = moved(weights, first * apart)
        second, third, fourth = moved(own, apart), moved(own, 2 * apart), moved(own, 3 * apart)
        for i in range(count):
            more = a * get(own, i) + b * get(second, i) + c * get(third, i) + d * get(fourth, i)
            put(outputs, i, get(outputs, i) + more)


@njit(fastmath=FAST)
def gate(inner, up, count, outputs):
    """SiLU of the gate times up."""
    for i in range(count):
        value = get(inner, i)
        put(outputs, i, value / (ONE + exp(-value)) * get(up, i))


@njit(fastmath=FAST)
def copied(numbers, count, to):
    """Perhaps as another kind."""
    for i in range(count):
        put(to, i, get(numbers, i))


@njit(fastmath=FAST)
def turn(head, width, cos, sin):
    """By the position's angles, in place."""
    half = width // 2
    for i in range(half):
        low, high = get(head, i), get(head, half + i)
        put(head, i, low * get(cos, i) - high * get(sin, i))
        put(head, half + i, high * get(cos, i) + low * get(sin, i))


@njit(fastmath=FAST)
def attend(queries, past, width, scaling, output):
    """All queries of one key's head. Keys are multiplied as if they were weights."""
    scores = past.scores
    blocks = (past.number + BLOCK - 1) // BLOCK * BLOCK
    product(queries, past.keys, width, (0, blocks), scores, False)
    for row in range(queries.number):
        own = moved(scores.first, row * scores.stride)
        share = ONE / _weighed(own, past.number, scaling)
        _mix(own, past, width, share, moved(output, row * width))


@njit(fastmath=FAST)
def _weighed(scores, count, scaling):
    """Exponentials instead of scores; returns their sum."""
    top, total = LOWEST_SCORE, ZERO
    for key in range(count):
        top = max(top, get(scores, key))
    for key in range(count):
        weight = exp((get(scores, key) - top) * scaling)
        put(scores, key, weight)
        total += weight
    return total


@njit(fastmath=FAST)
def _mix(weights, past, width, share, output):
    """Values by their weights: whole registers of columns at a time, four sums in each."""
    done = 0
    while done + 4 * LANES <= width:
        _mix_wide(weights, past, width, done, output)
        done += 4 * LANES
    while done + 2 * LANES <= width:
        _mix_narrow(weights, past, width, done, output)
        done += 2 * LANES
    for i in range(done, width):
        put(output, i, ZERO)
    for key in range(past.number if done < width else 0):
        weight, value = get(weights, key), moved(past.values, key * width)
        for i in range(done, width):
            put(output, i, get(output, i) + weight * get(value, i))
    for i in range(width):
        put(output, i, get(output, i) * share)


@njit
def _mix_wide(weights, past, width, begin, output):
    first = moved(past.values, begin)
    a, b, c, d = none(), none(), none(), none()
    for key in range(past.number):
        weight, value = filled(get(weights, key)), moved(first, key * width)
        a = summed(a, weight, widened(value, 0))
        b = summed(b, weight, widened(value, LANES))
        c = summed(c, weight, widened(value, 2 * LANES))
        d = summed(d, weight, widened(value, 3 * LANES))
    put_wide(output, begin, a)
    put_wide(output, begin + LANES, b)
    put_wide(output, begin + 2 * LANES, c)
    put_wide(output, begin + 3 * LANES, d)


@njit
def _mix_narrow(weights, past, width, begin, output):
    """Of two keys at a time."""
    first = moved(past.values, begin)
    a, b, c, d = none(), none(), none(), none()
    even = past.number // 2 * 2
    for key in range(0, even, 2):
        value, weight = moved(first, key * width), filled(get(weights, key))
        a = summed(a, weight, widened(value, 0))
        b = summed(b, weight, widened(value, LANES))
        value, weight = moved(value, width), filled(get(weights, key + 1))
        c = summed(c, weight, widened(value, 0))
        d = summed(d, weight, widened(value, LANES))
    if even < past.number:
        value, weight = moved(first, even * width), filled(get(weights, even))
        a = summed(a, weight, widened(value, 0))
        b = summed(b, weight, widened(value, LANES))
    put_wide(output, begin, summed(a, filled(ONE), c))
    put_wide(output, begin + LANES, summed(b, filled(ONE), d))


@njit(fastmath=FAST)
def _one_row(x, weights, size, to, more):
    second, third, fourth = moved(weights, size), moved(weights, 2 * size), moved(weights, 3 * size)
    step = step_of(weights)
    whole = size // step * step
    a, b, c, d = none(), none(), none(), none()
    for i in range(0, whole, step):
        value = wide(x, i)
        a = summed(a, value, wide(weights, i))
        b = summed(b, value, wide(second, i))
        c = summed(c, value, wide(third, i))
        d = summed(d, value, wide(fourth, i))
    put_totals(to, a, b, c, d, more)
    if whole < size:
        _rest(x, weights, size, whole, to)


@njit(fastmath=FAST)
def _four_rows(inputs, weights, size, outputs, more):
    x, stride = inputs.first, inputs.stride
    x1, x2, x3 = moved(x, stride), moved(x, 2 * stride), moved(x, 3 * stride)
    second, third, fourth = moved(weights, size), moved(weights, 2 * size), moved(weights, 3 * size)
    step = step_of(weights)
    whole = size // step * step
    a0, a1, a2, a3 = none(), none(), none(), none()
    b0, b1, b2, b3 = none(), none(), none(), none()
    c0, c1, c2, c3 = none(), none(), none(), none()
    d0, d1, d2, d3 = none(), none(), none(), none()
    for i in range(0, whole, step):
        v0, v1, v2, v3 = wide(x, i), wide(x1, i), wide(x2, i), wide(x3, i)
        a, b, c, d = wide(weights, i), wide(second, i), wide(third, i), wide(fourth, i)
        a0, a1, a2, a3 = summed(a0, a, v0), summed(a1, a, v1), summed(a2, a, v2), summed(a3, a, v3)
        b0, b1, b2, b3 = summed(b0, b, v0), summed(b1, b, v1), summed(b2, b, v2), summed(b3, b, v3)
        c0, c1, c2, c3 = summed(c0, c, v0), summed(c1, c, v1), summed(c2, c, v2), summed(c3, c, v3)
        d0, d1, d2, d3 = summed(d0, d, v0), summed(d1, d, v1), summed(d2, d, v2), summed(d3, d, v3)
    to, apart = outputs.first, outputs.stride
    put_totals(to, a0, b0, c0, d0, more)
    put_totals(moved(to, apart), a1, b1, c1, d1, more)
    put_totals(moved(to, 2 * apart), a2, b2, c2, d2, more)
    put_totals(moved(to, 3 * apart), a3, b3, c3, d3, more)
    if whole < size:
        for row in range(BLOCK):
            _rest(moved(x, row * stride), weights, size, whole, moved(to, row * apart))


@njit(fastmath=FAST)
def _rest(x, weights, size, begin, to):
    """What whole registers did not hold."""
    for output in range(BLOCK):
        own, total = moved(weights, output * size), get(to, output)
        for i in range(begin, size):
            total += get(x, i) * get(own, i)
        put(to, output, total)
