"""Engine benchmark on a larger shape: single precision, and bfloat16 where the processor has it.

    python -m bench.engine_large [--rounds 2] [--threads 2]

A random Qwen3 of 107 million parameters, requests as in `bench.engine`. All speeds are multiples of
serial `generate` in single precision just before and after, medians over the rounds.
"""

import argparse
import sys
from pathlib import Path
from statistics import median

import torch

from bench.engine import asks, one_round
from bench.engine_contenders import Contender, Continuous, Figures, Ours, Serial
from bench.engine_model import make_qwen3

LOAD = {1: 2, 8: 8, 32: 32}  # concurrent: requests
ANCHOR_REQUESTS = 2
TARGETS = {1: 1.0, 8: 4.0, 32: 8.5}
HALF_TARGET = 1.5  # bfloat16 against single precision, of the same engine


class InHalf(Ours):
    name = "our engine, bfloat16"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ours = [Ours(make_qwen3())]
    if _has_bfloat16():
        ours.append(InHalf(make_qwen3(torch.bfloat16)))
    try:
        contenders: list[Contender] = [Continuous(make_qwen3()), *ours]
        anchor = Serial(make_qwen3())
        for contender in [anchor, *contenders]:
            contender.run(asks(2, 0), 2)  # warm
        rounds = [
            one_round(anchor, contenders, 1000 * number, LOAD, ANCHOR_REQUESTS)
            for number in range(options.rounds)
        ]
    finally:
        for each in ours:
            each.close()
    _print(rounds, [contender.name for contender in contenders], options.threads)
    return 0


def _has_bfloat16() -> bool:
    """Products of bfloat16 in hardware; without them it is slower than single precision."""
    flags = Path("/proc/cpuinfo").read_text()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _print(rounds: list[dict[tuple[str, int], Figures]], names: list[str], threads: int) -> None:
    speeds = {
        name: [median(each[name, n].tokens_per_second for each in rounds) for n in LOAD]
        for name in names
    }
    print(f"\ntokens/s, serial generate = 1 ({threads} threads, median of {len(rounds)} rounds)")
    print(f"{'at once':36}" + "".join(f"{at_once:>9}" for at_once in LOAD))
    for name, ratios in speeds.items():
        print(f"{name:36}" + "".join(f"{ratio:>9.2f}" for ratio in ratios))
    print(f"{'targets, single precision':36}" + "".join(f"{TARGETS[n]:>9.2f}" for n in LOAD))
    if InHalf.name in speeds:
        pairs = zip(speeds[InHalf.name], speeds[Ours.name], strict=True)
        gains = "".join(f"{half / single:>9.2f}" for half, single in pairs)
        print(f"{f'bfloat16 = 1 single (target {HALF_TARGET})':36}{gains}")


if __name__ == "__main__":
    sys.exit(main())
