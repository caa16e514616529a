"""One step of a few decoding rows in one call, from token ids to logits. Numba finds the types.

Threads share the work by claiming pieces of it: one that comes late, or is held up, delays no more
than the piece that it has. A phase begins when all pieces of the one before are done.
"""

import math
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from numba import njit

from inference.engines.local.compiled import layout
from inference.engines.local.compiled.adapted import narrow, widen, widen_joint
from inference.engines.local.compiled.machine import (
    CLOSED,
    F32,
    claimed,
    closed,
    done,
    floats,
    get,
    moved,
    numbers,
    put,
    wait,
)
from inference.engines.local.compiled.pieces import (
    BLOCK,
    Past,
    Rows,
    add,
    attend,
    copied,
    gate,
    norm,
    product,
    turn,
)

SOURCES = [
    Path(__file__).with_name(f"{name}.py")
    for name in ("adapted", "layout", "machine", "pieces", "step", "wide")
]
HEAD = 4  # times as many pieces as another product


class Own(NamedTuple):
    """A thread's room: normed states and queries of the weights' kind, what was found for the
    queries, scores, cosines and sines."""

    normed: Any
    queries: Any
    found: Any
    scores: Any
    cos: Any
    sin: Any


@njit
def _share(model, work, thread):
    """What one thread does of all."""
    own = _own_room(model, work, thread)
    _embed(model, work)
    phase = 1
    for layer in range(len(model.layers)):
        places = model.layers[layer]
        _norm_all(model, work, places[layout.BEFORE_ATTENTION], own.normed)
        _joint(model, work, own, layer, phase)
        _attention(model, work, own, places, phase + 2)
        size = model.heads * model.width
        found = Rows(numbers(work.found, model.like), size, len(work.rows))
        which = layer, layout.OUTPUT, places[layout.OUT], size
        _added(model, work, which, found, phase + 3)
        _norm_all(model, work, places[layout.BEFORE_MLP], own.normed)
        _gated(model, work, own, layer, phase + 5)
        inner = Rows(numbers(work.gated, model.like), model.inner, len(work.rows))
        which = layer, layout.WRITTEN, places[layout.DOWN], model.inner
        _added(model, work, which, inner, phase + 7)
        phase += layout.PHASES
    _norm_all(model, work, model.norm, own.normed)
    _logits(model, work, own, phase)


@njit
def _own_room(model, work, thread):
    count, half = len(work.rows), model.width // 2
    place = work.scratch + thread * work.bytes
    normed = numbers(place, model.like)
    place += layout.ROOM * count * model.hidden
    queries = numbers(place, model.like)
    place += layout.ROOM * model.heads // model.kv_heads * model.width
    found = floats(place)
    cos = moved(found, model.heads // model.kv_heads * model.width)
    sin = moved(cos, count * half)
    scores = moved(sin, count * half)
    frequencies = floats(model.frequencies)
    for row in range(count):
        for i in range(half):
            angle = F32(work.rows[row, 1]) * get(frequencies, i)
            put(cos, row * half + i, F32(math.cos(angle) * model.stretch))
            put(sin, row * half + i, F32(math.sin(angle) * model.stretch))
    return Own(normed, queries, found, scores, cos, sin)


@njit
def _embed(model, work):
    if claimed(work.marks, 0) == 0:
        states, embed = floats(work.states), numbers(model.embed, model.like)
        for row in range(len(work.rows)):
            own = moved(embed, work.rows[row, 0] * model.hidden)
            for i in range(model.hidden):
                put(states, row * model.hidden + i, get(own, i))
        done(work.marks, 0)
    wait(work.marks, 0, 1)


@njit
def _norm_all(model, work, weight, outputs):
    for row in range(len(work.rows)):
        own = moved(floats(work.states), row * model.hidden)
        to = moved(outputs, row * model.hidden)
        norm(own, floats(weight), model.hidden, F32(model.eps), to)


@njit
def _bounds(piece, pieces, size):
    """Of one of so many pieces of `size` outputs, in whole blocks."""
    each = (size // BLOCK + pieces - 1) // pieces * BLOCK
    return min(piece * each, size), min(piece * each + each, size)


@njit
def _joint(model, work, own, layer, phase):
    """Queries, keys and values of all rows; a bias is added by whoever turns them."""
    inputs = Rows(own.normed, model.hidden, len(work.rows))
    narrow(model, work, inputs, model.hidden, (layer, layout.QUERY, 3), phase)
    size = (model.heads + 2 * model.kv_heads) * model.width
    outputs = Rows(floats(work.joint), size, len(work.rows))
    weights = numbers(model.layers[layer, layout.QKV], model.like)
    piece = claimed(work.marks, phase + 1)
    while piece < work.pieces:
        begin, end = _bounds(piece, work.pieces, size)
        product(inputs, weights, model.hidden, (begin, end), outputs, False)
        widen_joint(model, work, layer, begin, end, outputs)
        done(work.marks, phase + 1)
        piece = claimed(work.marks, phase + 1)
    wait(work.marks, phase + 1, work.pieces)


@njit
def _logits(model, work, own, phase):
    inputs = Rows(own.normed, model.hidden, len(work.rows))
    outputs = Rows(floats(work.logits), model.vocabulary, len(work.rows))
    weights = numbers(model.output, model.like)
    piece = claimed(work.marks, phase)
    pieces = HEAD * work.pieces
    while piece < pieces:
        bounds = _bounds(piece, pieces, model.vocabulary)
        product(inputs, weights, model.hidden, bounds, outputs, False)
        done(work.marks, phase)
        piece = claimed(work.marks, phase)
    wait(work.marks, phase, pieces)


@njit
def _attention(model, work, own, places, phase):
    pieces = len(work.rows) * model.kv_heads
    piece = claimed(work.marks, phase)
    while piece < pieces:
        row, kv_head = piece // model.kv_heads, piece % model.kv_heads
        _attend(model, work, own, places, (row, kv_head))
        done(work.marks, phase)
        piece = claimed(work.marks, phase)
    wait(work.marks, phase, pieces)


@njit
def _attend(model, work, own, places, which):
    """The queries of one key's head, in one row; the key and value are kept first."""
    row, kv_head = which
    width, group = model.width, model.heads // model.kv_heads
    position, slot = work.rows[row, 1], work.rows[row, 2]
    joint = moved(floats(work.joint), row * (model.heads + 2 * model.kv_heads) * width)
    for head in range(kv_head * group, kv_head * group + group):
        _turned(model, own, places, joint, (row, head))
    head = model.heads + kv_head
    _turned(model, own, places, joint, (row, head))
    key = moved(joint, head * width)
    value = moved(key, model.kv_heads * width)
    _biased(model, places, value, head + model.kv_heads)
    start = (slot * model.kv_heads + kv_head) * model.context
    keys = moved(numbers(places[layout.KEYS], model.like), start * width)
    values = moved(numbers(places[layout.VALUES], model.like), start * width)
    copied(key, width, moved(keys, position * width))
    copied(value, width, moved(values, position * width))
    begin = max(0, position + 1 - places[layout.WINDOW]) if places[layout.WINDOW] else 0
    scores = Rows(own.scores, model.context + BLOCK, group)
    count = position + 1 - begin
    past = Past(moved(keys, begin * width), moved(values, begin * width), count, scores)
    copied(moved(joint, kv_head * group * width), group * width, own.queries)
    attend(Rows(own.queries, width, group), past, width, F32(model.scaling), own.found)
    to = moved(numbers(work.found, model.like), (row * model.heads + kv_head * group) * width)
    copied(own.found, group * width, to)


@njit
def _turned(model, own, places, joint, which):
    row, number = which
    width, half = model.width, model.width // 2
    head = moved(joint, number * width)
    _biased(model, places, head, number)
    if places[layout.QK_NORM]:
        weight = moved(floats(places[layout.QK_NORM]), number * width)
        norm(head, weight, width, F32(model.eps), head)
    turn(head, width, moved(own.cos, row * half), moved(own.sin, row * half))


@njit
def _biased(model, places, head, number):
    if places[layout.QKV_BIAS]:
        add(head, moved(floats(places[layout.QKV_BIAS]), number * model.width), model.width)


@njit
def _added(model, work, which, inputs, phase):
    """A product added to the states."""
    layer, part, place, size = which
    narrow(model, work, inputs, size, (layer, part, 1), phase)
    hidden = model.hidden
    outputs = Rows(floats(work.states), hidden, len(work.rows))
    weights = numbers(place, model.like)
    piece = claimed(work.marks, phase + 1)
    while piece < work.pieces:
        begin, end = _bounds(piece, work.pieces, hidden)
        product(inputs, weights, size, (begin, end), outputs, True)
        widen(model, work, (layer, part, hidden), begin, end, outputs)
        done(work.marks, phase + 1)
        piece = claimed(work.marks, phase + 1)
    wait(work.marks, phase + 1, work.pieces)


@njit
def _gated(model, work, own, layer, phase):
    size = model.inner
    inputs = Rows(own.normed, model.hidden, len(work.rows))
    narrow(model, work, inputs, model.hidden, (layer, layout.GATE, 2), phase)
    gates = Rows(floats(work.inner), 2 * size, len(work.rows))
    ups = Rows(moved(gates.first, size), 2 * size, len(work.rows))
    weights = numbers(model.layers[layer, layout.GATE_UP], model.like)
    up_weights = moved(weights, size * model.hidden)
    piece = claimed(work.marks, phase + 1)
    while piece < work.pieces:
        begin, end = _bounds(piece, work.pieces, size)
        product(inputs, weights, model.hidden, (begin, end), gates, False)
        product(inputs, up_weights, model.hidden, (begin, end), ups, False)
        widen(model, work, (layer, layout.GATE, size), begin, end, gates)
        widen(model, work, (layer, layout.UP, size), begin, end, ups)
        for row in range(len(work.rows)):
            own_gates = moved(gates.first, row * gates.stride + begin)
            gated = moved(numbers(work.gated, model.like), row * size + begin)
            gate(own_gates, moved(own_gates, size), end - begin, gated)
        done(work.marks, phase + 1)
        piece = claimed(work.marks, phase + 1)
    wait(work.marks, phase + 1, work.pieces)


def _keep(sources):
    """Numba keeps code by what one file says. What a function encloses counts, too."""

    @njit(nogil=True, cache=True)
    def compute(model, work, thread):
        """The first thread returns when all is done, the others when they find nothing to do. Who
        comes after the first has left finds the door closed, and touches nothing."""
        _ = sources
        door = layout.PHASES * len(model.layers) + 2
        if thread == 0:
            _share(model, work, 0)
            wait(work.marks, door, closed(work.marks, door))
        elif claimed(work.marks, door) < CLOSED:
            _share(model, work, thread)
            done(work.marks, door)

    return compute


compute = _keep(zlib.crc32(b"".join(path.read_bytes() for path in SOURCES)))
