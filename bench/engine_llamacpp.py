"""Engine benchmark against llama.cpp: single precision, the same weights, requests and threads.

    python -m bench.engine_llamacpp --python PATH [--rounds 3] [--threads 2]

`--python` is the interpreter of an environment of its own with llama-cpp-python and gguf. Both
sides take turns; llama.cpp packs all running requests into each step, as we do.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import torch

from bench.engine import asks
from bench.engine_contenders import Ask, Figures, Ours
from bench.engine_model import make_model

ROOT = Path(__file__).resolve().parents[1]
LOAD = {1: 4, 8: 16}  # concurrent: requests
TARGETS = {1: 0.7, 8: 1.5}


class LlamaCpp:
    """llama.cpp in a process of its own, told by lines of JSON what to answer."""

    name = "llama.cpp"

    def __init__(self, python: str, folder: Path, threads: int) -> None:
        make_model().save_pretrained(folder)
        command = [python, str(ROOT / "bench" / "llamacpp_process.py"), str(folder), str(threads)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it tells much
            text=True,
        )

    def run(self, asks: list[Ask], at_once: int) -> Figures:
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        assert self._process.stdout is not None  # noqa: S101 - the same
        self._process.stdin.write(json.dumps([at_once, asks]) + "\n")
        self._process.stdin.flush()
        seconds, first = json.loads(self._process.stdout.readline())
        return Figures(sum(ask.tokens for ask in asks) / seconds, first * 1000)

    def close(self) -> None:
        self._process.communicate()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as place:
        theirs = LlamaCpp(options.python, Path(place), options.threads)
        ours = Ours(make_model())
        try:
            ratios = _ratios(ours, theirs, options.rounds)
        finally:
            ours.close()
            theirs.close()
    print(f"\ntokens/s of our engine, llama.cpp = 1 ({options.threads} threads, single precision)")
    print(f"{'at once':36}" + "".join(f"{at_once:>9}" for at_once in LOAD))
    print(f"{'our engine':36}" + "".join(f"{median(each):>9.2f}" for each in ratios.values()))
    print(f"{'targets':36}" + "".join(f"{target:>9.2f}" for target in TARGETS.values()))
    return 0


def _ratios(ours: Ours, theirs: LlamaCpp, rounds: int) -> dict[int, list[float]]:
    for contender in (ours, theirs):
        contender.run(asks(4, 0), 2)  # warm
    ratios: dict[int, list[float]] = {at_once: [] for at_once in LOAD}
    for number in range(rounds):
        for at_once, count in LOAD.items():
            wanted = asks(count, 1000 * number + at_once)
            before = theirs.run(wanted, at_once).tokens_per_second
            mine = ours.run(wanted, at_once).tokens_per_second
            after = theirs.run(wanted, at_once).tokens_per_second
            ratios[at_once].append(2 * mine / (before + after))
    return ratios


if __name__ == "__main__":
    sys.exit(main())
