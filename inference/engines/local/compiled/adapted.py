"""What adapters add to the products of a few rows: to each row what its own says. Numba finds the
types.
"""

from numba import njit

from inference.engines.local.compiled import layout
from inference.engines.local.compiled.machine import claimed, done, floats, moved, numbers, wait
from inference.engines.local.compiled.pieces import Rows, product, spread


@njit
def narrow(model, work, inputs, size, which, phase):
    """What comes into `count` of a layer's parts, from `first` on, to as many numbers as each row's
    adapter has ranks."""
    layer, first, count = which
    pieces = len(work.ranks) * count
    if pieces == 0:
        return
    piece = claimed(work.marks, phase)
    while piece < pieces:
        row, part = piece // count, first + piece % count
        weights = work.adapters[row, layer, part, layout.NARROWING]
        if weights:
            own = Rows(moved(inputs.first, row * inputs.stride), inputs.stride, 1)
            outputs = Rows(_room(work, row, part), layout.MOST_NARROW, 1)
            product(own, numbers(weights, model.like), size, (0, work.ranks[row]), outputs, False)
        done(work.marks, phase)
        piece = claimed(work.marks, phase)
    wait(work.marks, phase, pieces)


@njit
def widen(model, work, which, begin, end, outputs):
    """Adds what adapters say of columns `begin..end` of a part that has `size`."""
    layer, part, size = which
    for row in range(len(work.ranks)):
        weights = work.adapters[row, layer, part, layout.WIDENING]
        if weights and begin < end:
            own = moved(numbers(weights, model.like), begin)
            to = moved(outputs.first, row * outputs.stride + begin)
            spread(_room(work, row, part), own, size, work.ranks[row], to, end - begin)


@njit
def widen_joint(model, work, layer, begin, end, outputs):
    """The same of queries, keys and values, which lie side by side."""
    start = 0
    for part in range(layout.QUERY, layout.VALUE + 1):
        size = (model.heads if part == layout.QUERY else model.kv_heads) * model.width
        own = Rows(moved(outputs.first, start), outputs.stride, outputs.number)
        low, high = max(begin - start, 0), min(end - start, size)
        widen(model, work, (layer, part, size), low, high, own)
        start += size


@njit
def _room(work, row, part):
    return moved(floats(work.narrow), (row * len(layout.PARTS) + part) * layout.MOST_NARROW)
