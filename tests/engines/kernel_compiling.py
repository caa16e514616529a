"""Compiles every kernel for GPUs that are not here: `python -m tests.engines.kernel_compiling`."""

import re
import sys
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from inference.engines.local.cuda import kernels, launches

GPUS = {80: 163 << 10, 90: 227 << 10}  # shared memory that a block may have, by capability
WIDEST = 128  # of heads whose keys are loaded well ahead
TYPES = {"columns": "i32", "width": "i32", "scaling": "fp32", "cap": "fp32"}
NUMBERS = {"slots", "positions"}
SINGLE = {"weight", "eps", "parts", "tops", "sums"}
PAGES = {"PAGE": 16, "TOKEN": 8 * 128, "HEAD": 128}
SLOTS = {"PAGE": 8192, "TOKEN": 128, "HEAD": 8192 * 128}
ATTEND = PAGES | {
    "WINDOW": 0, "CAPPED": False, "KV_HEADS": 8, "GROUP": 4, "GROUP_BLOCK": 16, "WIDTH": 128,
    "WIDTH_BLOCK": 128, "KEYS": 64, "SPLITS": 1,
}  # fmt: skip
WIDE = {
    "TOKEN": 8 * 256,
    "HEAD": 256,
    "WINDOW": 4096,
    "CAPPED": True,
    "WIDTH": 256,
    "WIDTH_BLOCK": 256,
    "KEYS": 32,
    "SPLITS": 32,
}
TURN = PAGES | {"HEADS": 32, "KV_HEADS": 8, "WIDTH": 128, "BLOCK": 128, "NORMED": True}
CASES: list[tuple[Any, dict[str, Any]]] = [
    (kernels.norm, {"BLOCK": 4096}),
    (kernels.gate, {"BLOCK": 1024, "TANH": True}),
    (kernels.turn_and_keep, TURN),
    (kernels.turn_and_keep, TURN | {"NORMED": False, "WIDTH": 80}),
    (kernels.attend, ATTEND),
    (kernels.attend, ATTEND | WIDE),
    (kernels.attend, ATTEND | SLOTS),
    (kernels.turn_and_keep, TURN | SLOTS),
    (kernels.join, {"WIDTH": 128, "WIDTH_BLOCK": 128, "SPLITS": 32}),
]


def compile_for(gpu: int, kernel: Any, constants: dict[str, Any]) -> tuple[int, int]:
    """Bytes of shared memory, and how many groups of loads are under way while it computes."""
    names = list(kernel.arg_names)
    types = {name: "constexpr" if name in constants else _type(name) for name in names}
    values = {(names.index(name),): value for name, value in constants.items()}
    aligned = [n for n, name in enumerate(names) if types[name].startswith("*")]
    known: Any = {(place,): [["tt.divisibility", 16]] for place in aligned}  # as torch allocates
    source = ASTSource(fn=kernel, signature=types, constexprs=values, attrs=known)
    wide = constants.get("WIDTH", 0) > WIDEST
    stages = launches.STAGES_WIDE if wide else launches.STAGES
    target = GPUTarget("cuda", gpu, 32)
    compiled = triton.compile(source, target=target, options={"num_stages": stages})
    shared: int = compiled.metadata.shared
    waits = re.findall(r"cp\.async\.wait_group\s+(\d+)", compiled.asm["ptx"])
    return shared, max(map(int, waits), default=0)


def _type(name: str) -> str:
    if name in TYPES:
        return TYPES[name]
    if name == "table":
        return "*i32"
    return "*i64" if name in NUMBERS else "*fp32" if name in SINGLE else "*bf16"


def main() -> None:
    for gpu, most in GPUS.items():
        for kernel, constants in CASES:
            shared, ahead = compile_for(gpu, kernel, constants)
            verdict = "fits" if shared <= most else "TOO MANY"
            line = f"{kernel.__name__} for {gpu}: {shared} bytes, {verdict}, {ahead} loads ahead"
            sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
