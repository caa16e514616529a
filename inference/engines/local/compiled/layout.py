"""What compiled code is told: where in memory a model is, and the room for a step."""

from typing import Any, NamedTuple

from inference.engines.local.compiled.machine import LINE
from inference.engines.local.compiled.pieces import BLOCK

PHASES = 9  # of a layer: attention, and twice each product, whose adapters come first
ROOM = 4  # bytes for a number of any kind
# The linear layers of a layer that an adapter may change, and what it has of each: addresses.
PARTS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
QUERY, KEY, VALUE, OUTPUT, GATE, UP, WRITTEN = range(len(PARTS))
NARROWING, WIDENING = range(2)
MOST_NARROW = 128  # numbers that an adapter narrows a row to
# Columns of `Model.layers`: addresses, 0 where a layer has no such thing, and the window.
COLUMNS = 11
BEFORE_ATTENTION, QKV, QKV_BIAS, QK_NORM, OUT, BEFORE_MLP, GATE_UP, DOWN = range(8)
KEYS, VALUES, WINDOW = range(8, COLUMNS)


class Model(NamedTuple):
    """Sizes, and where in memory things are. `like` is an array of the kind that weights are."""

    like: Any
    layers: Any
    embed: int
    norm: int
    output: int
    frequencies: int
    eps: float
    scaling: float  # of scores
    stretch: float  # of sines and cosines
    hidden: int
    heads: int
    kv_heads: int
    width: int
    inner: int
    vocabulary: int
    context: int


# Of `Work`: what all threads share, numbers for each row.
ROOMS = ("states", "joint", "found", "inner", "gated", "narrow", "logits")


class Work(NamedTuple):
    """`rows` are [rows, 3]: token, position, slot. `ranks` are those of the rows' adapters, 0 for a
    row without; empty where no row has one. `adapters` are [rows, layers, PARTS, 2]. The rest are
    addresses of room for the step, of which `scratch` is each thread's own, so many `bytes` for
    each. A product is cut into so many `pieces`."""

    rows: Any
    ranks: Any
    adapters: Any
    marks: Any
    states: int
    joint: int
    found: int
    inner: int
    gated: int
    narrow: int
    logits: int
    scratch: int
    bytes: int
    pieces: int


def marks(model: Model) -> int:
    """How many counters a step needs."""
    return 2 * LINE * (PHASES * len(model.layers) + 3)


def scratch_numbers(model: Model, rows: int) -> int:
    group = model.heads // model.kv_heads
    scores = group * (model.context + BLOCK)
    return rows * (model.hidden + model.width) + 2 * group * model.width + scores + 16
