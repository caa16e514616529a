"""Numbers side by side, as many as a processor's register holds, for whom numba has no type.

A product of half precision takes twice as many numbers at once: in hardware where there is such an
operation (`avx512_bf16`), else as two of single precision, the odd ones and the even ones.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, register_model

from inference.engines.local.compiled.machine import BIT16, BIT32, FLOAT, kind_of, place

_TRAITS = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
LANES = 16 if "+avx512f" in _TRAITS else 8
_HAS_HALF_PRODUCT = "+avx512bf16" in _TRAITS
_QUARTER = 4  # of 128 bits, which operations on neighbours never leave
_SINGLES = ir.VectorType(FLOAT, LANES)
_BITS = ir.VectorType(BIT32, LANES)
_HALVES = ir.VectorType(BIT16, 2 * LANES)


class _Brain(ir.Type):
    """bfloat16, which llvmlite does not know."""

    def __str__(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Brain)

    def __hash__(self) -> int:
        return hash(_Brain)


class Numbers(types.Type):
    """Of single precision, LANES of them, or twice as many of half precision."""

    def __init__(self, *, half: bool) -> None:
        super().__init__("halves" if half else "singles")


SINGLES, HALVES = Numbers(half=False), Numbers(half=True)


@register_model(Numbers)
class _NumbersModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _HALVES if kind == HALVES else _SINGLES)


@intrinsic
def step_of(_: Any, pointer: Any) -> Any:
    """How many numbers `wide` takes at once."""
    count = 2 * LANES if pointer.dtype == types.uint16 else LANES

    def build(_context: Any, _builder: Any, _signature: Any, _given: Any) -> Any:
        return ir.IntType(64)(count)

    return types.int64(pointer), build


@intrinsic
def wide(_: Any, pointer: Any, index: Any) -> Any:
    """Those from `index` on."""
    found = HALVES if pointer.dtype == types.uint16 else SINGLES

    def build(_context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind = _HALVES if found is HALVES else _SINGLES
        return builder.load(place(builder, signature.args[0], given), typ=kind, align=2)

    return found(pointer, types.int64), build


@intrinsic
def widened(_: Any, pointer: Any, index: Any) -> Any:
    """LANES of them in single precision."""

    def build(_context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind = kind_of(signature.args[0])
        where = place(builder, signature.args[0], given)
        found = builder.load(where, typ=ir.VectorType(kind, LANES), align=2)
        if kind is FLOAT:
            return found
        return builder.bitcast(builder.shl(builder.zext(found, _BITS), _all(16)), _SINGLES)

    return SINGLES(pointer, types.int64), build


@intrinsic
def none(_: Any) -> Any:
    def build(_context: Any, _builder: Any, _signature: Any, _given: Any) -> Any:
        return ir.Constant(_SINGLES, None)

    return SINGLES(), build


@intrinsic
def filled(_: Any, value: Any) -> Any:
    """The same number in all places."""

    def build(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        one = builder.insert_element(ir.Constant(_SINGLES, ir.Undefined), given[0], BIT32(0))
        zeros = ir.Constant(_BITS, None)
        return builder.shuffle_vector(one, ir.Constant(_SINGLES, ir.Undefined), zeros)

    return SINGLES(types.float32), build


@intrinsic
def summed(_: Any, total: Any, one: Any, other: Any) -> Any:
    """`total` and products. Of half precision each place gets two of them."""

    def build(_context: Any, builder: Any, signature: Any, given: Any) -> Any:
        if signature.args[1] == SINGLES:
            return _fused(builder, *given)
        return (_in_hardware if _HAS_HALF_PRODUCT else _in_two)(builder, *given)

    return SINGLES(SINGLES, one, other), build


@intrinsic
def put_wide(_: Any, pointer: Any, index: Any, values: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        where = place(builder, signature.args[0], given)
        builder.store(given[2], builder.bitcast(where, _SINGLES.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, SINGLES), build


@intrinsic
def put_totals(_: Any, pointer: Any, a: Any, b: Any, c: Any, d: Any, more: Any) -> Any:
    """Side by side; `more`: added to what is there."""

    def build(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        where, *four, added = given
        kind = ir.VectorType(FLOAT, _QUARTER)
        totals = _totals(builder, four)
        where = builder.bitcast(where, kind.as_pointer())
        before = builder.load(where, typ=kind, align=4)
        before = builder.select(added, before, ir.Constant(kind, None))
        builder.store(builder.fadd(totals, before), where, align=4)
        return context.get_dummy_value()

    return types.void(pointer, SINGLES, SINGLES, SINGLES, SINGLES, types.boolean), build


def _fused(builder: Any, total: Any, one: Any, other: Any) -> Any:
    operation = _operation(builder, f"llvm.fma.v{LANES}f32", [_SINGLES] * 3)
    return builder.call(operation, [one, other, total])


def _in_hardware(builder: Any, total: Any, one: Any, other: Any) -> Any:
    brains = ir.VectorType(_Brain(), 2 * LANES)
    name = f"llvm.x86.avx512bf16.dpbf16ps.{32 * LANES}"
    operation = _operation(builder, name, [_SINGLES, brains, brains])
    factors = [builder.bitcast(factor, brains) for factor in (one, other)]
    return builder.call(operation, [total, *factors])


def _operation(builder: Any, name: str, taken: list[Any]) -> Any:
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(_SINGLES, taken), name)


def _in_two(builder: Any, total: Any, one: Any, other: Any) -> Any:
    """Each 32 bits hold two numbers, and the upper half of a number is the number nearly."""
    one, other = (builder.bitcast(factor, _BITS) for factor in (one, other))
    for shaped in (_upper, _lower):
        factors = [builder.bitcast(shaped(builder, each), _SINGLES) for each in (one, other)]
        total = _fused(builder, total, *factors)
    return total


def _upper(builder: Any, bits: Any) -> Any:
    return builder.and_(bits, _all(0xFFFF0000))


def _lower(builder: Any, bits: Any) -> Any:
    return builder.shl(bits, _all(16))


def _all(value: int) -> Any:
    return ir.Constant(_BITS, [value] * LANES)


def _totals(builder: Any, four: list[Any]) -> Any:
    """The sum of each, by a tree of sums of neighbours."""
    a, b, c, d = four
    joint = _neighbours(builder, _neighbours(builder, a, b), _neighbours(builder, c, d))
    count = LANES
    while count > _QUARTER:
        count //= 2
        halves = [range(count), range(count, 2 * count)]
        low, high = (_chosen(builder, joint, joint, half) for half in halves)
        joint = builder.fadd(low, high)
    return joint


def _neighbours(builder: Any, one: Any, other: Any) -> Any:
    starts = [first + side for first in range(0, LANES, _QUARTER) for side in (0, LANES)]
    even = [start + at for start in starts for at in (0, 2)]
    odd = [at + 1 for at in even]
    return builder.fadd(_chosen(builder, one, other, even), _chosen(builder, one, other, odd))


def _chosen(builder: Any, one: Any, other: Any, which: Any) -> Any:
    numbers = list(which)
    return builder.shuffle_vector(
        one, other, ir.Constant(ir.VectorType(BIT32, len(numbers)), numbers)
    )
