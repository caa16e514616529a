"""What a layer is made of, for a few rows: products, norms, turns, attention.

Numba finds the types.

A product reads each weight once, for four outputs and four rows at a time: few rows are as fast as
memory is.
"""

import math
from typing import Any, NamedTuple

from numba import njit

from inference.engines.local.compiled.machine import F32, ONE, exp, get, moved, put

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
def product(inputs, weights, size, begin, end, outputs):
    """Outputs `begin..end`, a multiple of BLOCK; `weights` [outputs, size]."""
    for output in range(begin, end, BLOCK):
        own = moved(weights, output * size)
        row = 0
        while row + BLOCK <= inputs.number:
            first = moved(inputs.first, row * inputs.stride)
            to = moved(outputs.first, row * outputs.stride + output)
            _four_rows(first, inputs.stride, own, size, to, outputs.stride)
            row += BLOCK
        while row < inputs.number:
            to = moved(outputs.first, row * outputs.stride + output)
            _one_row(moved(inputs.first, row * inputs.stride), own, size, to)
            row += 1


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
def gate(inner, up, count):
    """SiLU of the gate times up, in place."""
    for i in range(count):
        value = get(inner, i)
        put(inner, i, value / (ONE + exp(-value)) * get(up, i))


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
    product(queries, past.keys, width, 0, blocks, scores)
    for row in range(queries.number):
        own = moved(scores.first, row * scores.stride)
        to = moved(output, row * width)
        share = ONE / _weighed(own, past.number, scaling)
        for i in range(width):
            put(to, i, ZERO)
        for key in range(past.number):
            weight, value = get(own, key) * share, moved(past.values, key * width)
            for i in range(width):
                put(to, i, get(to, i) + weight * get(value, i))


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
def _one_row(x, weights, size, to):
    second, third, fourth = moved(weights, size), moved(weights, 2 * size), moved(weights, 3 * size)
    a = b = c = d = ZERO
    for i in range(size):
        value = get(x, i)
        a += value * get(weights, i)
        b += value * get(second, i)
        c += value * get(third, i)
        d += value * get(fourth, i)
    _put_four(to, a, b, c, d)


@njit(fastmath=FAST)
def _four_rows(x, stride, weights, size, to, apart):
    x1, x2, x3 = moved(x, stride), moved(x, 2 * stride), moved(x, 3 * stride)
    second, third, fourth = moved(weights, size), moved(weights, 2 * size), moved(weights, 3 * size)
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = d0 = d1 = d2 = d3 = ZERO
    for i in range(size):
        v0, v1, v2, v3 = get(x, i), get(x1, i), get(x2, i), get(x3, i)
        a, b, c, d = get(weights, i), get(second, i), get(third, i), get(fourth, i)
        a0, a1, a2, a3 = a0 + a * v0, a1 + a * v1, a2 + a * v2, a3 + a * v3
        b0, b1, b2, b3 = b0 + b * v0, b1 + b * v1, b2 + b * v2, b3 + b * v3
        c0, c1, c2, c3 = c0 + c * v0, c1 + c * v1, c2 + c * v2, c3 + c * v3
        d0, d1, d2, d3 = d0 + d * v0, d1 + d * v1, d2 + d * v2, d3 + d * v3
    _put_four(to, a0, b0, c0, d0)
    _put_four(moved(to, apart), a1, b1, c1, d1)
    _put_four(moved(to, 2 * apart), a2, b2, c2, d2)
    _put_four(moved(to, 3 * apart), a3, b3, c3, d3)


@njit
def _put_four(to, a, b, c, d):
    put(to, 0, a)
    put(to, 1, b)
    put(to, 2, c)
    put(to, 3, d)
