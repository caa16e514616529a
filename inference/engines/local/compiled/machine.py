"""What numba has no words for: numbers at an address, also of half precision; shared counters."""

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

BIT16, BIT32, BIT64, FLOAT = ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
CLOSED = 1 << 32  # more than ever enter
LINE = 8  # counters lie this far apart, or their writers would wait for each other

F32 = np.float32
ONE = F32(1)
# Cephes: exp(x) as a power of two times a polynomial; adding and taking away ROUNDING rounds.
LOWEST, HIGHEST, LOG2_E, ROUNDING = F32(-87), F32(88), F32(1.44269504), F32(12582912)
LN2_HIGH, LN2_LOW = F32(0.693359375), F32(-2.12194440e-4)
C5, C4, C3 = F32(1.9875691500e-4), F32(1.3981999507e-3), F32(8.3334519073e-3)
C2, C1, C0 = F32(4.1665795894e-2), F32(1.6666665459e-1), F32(5.0000001201e-1)


@intrinsic
def numbers(_: Any, address: Any, like: Any) -> Any:
    """Those at `address`, kept as the array `like` keeps its own: uint16 stands for bfloat16."""
    pointer = types.CPointer(like.dtype)

    def build(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.inttoptr(given[0], context.get_value_type(pointer))

    return pointer(types.int64, like), build


@intrinsic
def floats(_: Any, address: Any) -> Any:
    pointer = types.CPointer(types.float32)

    def build(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.inttoptr(given[0], context.get_value_type(pointer))

    return pointer(types.int64), build


@intrinsic
def moved(_: Any, pointer: Any, count: Any) -> Any:
    """So many numbers further on."""

    def build(_context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return place(builder, signature.args[0], given)

    return pointer(pointer, types.int64), build


@intrinsic
def get(_: Any, pointer: Any, index: Any) -> Any:
    def build(_context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind = kind_of(signature.args[0])
        value = builder.load(place(builder, signature.args[0], given), typ=kind, align=_bytes(kind))
        if kind is BIT16:
            value = builder.bitcast(builder.shl(builder.zext(value, BIT32), BIT32(16)), FLOAT)
        return value

    return types.float32(pointer, types.int64), build


@intrinsic
def put(_: Any, pointer: Any, index: Any, value: Any) -> Any:
    """Rounds half to even where fewer bits are kept."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind, kept = kind_of(signature.args[0]), given[2]
        if kind is BIT16:
            bits = builder.bitcast(kept, BIT32)
            odd = builder.and_(builder.lshr(bits, BIT32(16)), BIT32(1))
            rounded = builder.add(bits, builder.add(odd, BIT32(0x7FFF)))
            kept = builder.trunc(builder.lshr(rounded, BIT32(16)), BIT16)
        builder.store(kept, place(builder, signature.args[0], given), align=_bytes(kind))
        return context.get_dummy_value()

    return types.void(pointer, types.int64, types.float32), build


@njit(fastmath={"contract"})
def exp(x):
    """To the last bit but one, and without a call, so that loops over it become wide. What is not
    a number stays none."""
    x = LOWEST if x < LOWEST else x  # noqa: FURB136 - max() would lose what is none
    x = HIGHEST if x > HIGHEST else x  # noqa: FURB136 - the same
    n = (x * LOG2_E + ROUNDING) - ROUNDING
    rest = x - n * LN2_HIGH
    rest = rest - n * LN2_LOW
    power = ((((C5 * rest + C4) * rest + C3) * rest + C2) * rest + C1) * rest + C0
    return (power * rest * rest + rest + ONE) * _power_of_two(n)


@njit
def claimed(marks, phase):
    """The number of a piece of this phase that nobody has taken yet; who asks has it."""
    return _raised(marks, 2 * LINE * phase, 1)


@njit
def done(marks, phase):
    _raised(marks, 2 * LINE * phase + LINE, 1)


@njit
def closed(marks, phase):
    """Whoever claims a piece from now on gets a number that is too high; returns how many did."""
    return _raised(marks, 2 * LINE * phase, CLOSED)


@njit
def wait(marks, phase, pieces):
    """Until all pieces of this phase are done. Whoever has claimed one is computing it."""
    while _seen(marks, 2 * LINE * phase + LINE) < pieces:
        pass


@intrinsic
def _power_of_two(_: Any, exponent: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        whole = builder.fptosi(given[0], BIT32)
        return builder.bitcast(builder.shl(builder.add(whole, BIT32(127)), BIT32(23)), FLOAT)

    return types.float32(types.float32), build


@intrinsic
def _raised(_: Any, marks: Any, index: Any, more: Any) -> Any:
    """What stood there, before `more` was added."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        counter = _counter(context, builder, signature, given)
        return builder.atomic_rmw("add", counter, given[2], "acq_rel")

    return types.int64(marks, types.int64, types.int64), build


@intrinsic
def _seen(_: Any, marks: Any, index: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        if platform.machine() == "x86_64":  # lets a core's other thread run meanwhile
            kind = ir.FunctionType(ir.VoidType(), [])
            pause = builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), kind)
            builder.call(pause, [])
        counter = _counter(context, builder, signature, given)
        return builder.load_atomic(counter, "acquire", 8, typ=BIT64)

    return types.int64(marks, types.int64), build


def _counter(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, given[0])
    return builder.gep(array.data, [given[1]], source_etype=BIT64, inbounds=True)


def place(builder: Any, pointer: Any, given: Any) -> Any:
    return builder.gep(given[0], [given[1]], source_etype=kind_of(pointer), inbounds=True)


def kind_of(pointer: Any) -> Any:
    return BIT16 if pointer.dtype == types.uint16 else FLOAT


def _bytes(kind: Any) -> int:
    return 2 if kind is BIT16 else 4
