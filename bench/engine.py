"""Engine benchmark: tokens per second as multiples of serial `generate`, all in one run.

    python -m bench.engine [--rounds 3] [--threads 2]

An 11M random Llama in float32, prompts of 16 to 128 tokens, outputs of 16 to 128. Contenders take
turns, the anchor runs before and after each of them, every figure is the median over the rounds.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

if __name__ == "__main__":  # run as a file, too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from bench.engine_contenders import (
    Ask,
    Contender,
    Continuous,
    Figures,
    Ours,
    OverSocket,
    Serial,
    served,
)
from bench.engine_held import LARGE_SCHEMAS, gaps, ratios
from bench.engine_model import VOCABULARY, make_folder, make_model

AT_ONCE = {1: 4, 8: 16, 32: 64, 128: 256}  # concurrent: requests
ANCHOR_REQUESTS = 4
HELD_AT_ONCE = (1, 8, 32)
HELD_TARGET = 0.9
HELD_ROUNDS = 9  # at the least: rounds differ by a tenth and more, and so does the median of three
TARGETS = {1: 1.0, 8: 4.5, 32: 11.0, 128: 18.0}


def asks(count: int, seed: int) -> list[Ask]:
    chance = random.Random(seed)
    return [
        Ask([chance.randrange(3, VOCABULARY) for _ in range(chance.randint(16, 128))],
            chance.randint(16, 128))
        for _ in range(count)
    ]  # fmt: skip


def one_round(
    anchor: Contender,
    contenders: list[Contender],
    seed: int,
    load: Mapping[int, int],
    anchor_requests: int = ANCHOR_REQUESTS,
) -> dict[tuple[str, int], Figures]:
    """Speeds as multiples of the anchor's just before and after; milliseconds as they are."""
    figures: dict[tuple[str, int], Figures] = {}

    def serial() -> float:
        return anchor.run(asks(anchor_requests, seed), 1).tokens_per_second

    before = serial()
    for at_once, count in load.items():
        for contender in contenders:
            found = contender.run(asks(count, seed + at_once), at_once)
            after = serial()
            ratio = found.tokens_per_second / ((before + after) / 2)
            figures[contender.name, at_once] = found._replace(tokens_per_second=ratio)
            before = after
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--held", action="store_true", help="only what schemas cost")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if not options.held:
        _contest(options)
    _held(options)
    return 0


def _contest(options: argparse.Namespace) -> None:
    ours = Ours(make_model())
    try:
        with tempfile.TemporaryDirectory() as place:
            folder = make_folder(Path(place))
            with served(folder, options.threads) as address:
                contenders: list[Contender] = [
                    Continuous(make_model()),
                    ours,
                    OverSocket(address),
                ]
                rounds = _rounds(Serial(make_model()), contenders, options.rounds)
    finally:
        ours.close()
    _print(rounds, [contender.name for contender in contenders], options.threads)


def _held(options: argparse.Namespace) -> None:
    wanted = {at_once: asks(max(at_once, 2), at_once) for at_once in HELD_AT_ONCE}
    with tempfile.TemporaryDirectory() as place:
        folder = make_folder(Path(place))
        rounds = max(options.rounds, HELD_ROUNDS)
        found = ratios(folder, options.threads, wanted, rounds)
        with served(folder, options.threads) as address:
            waits = gaps(address, rounds)
    print(f"\ntokens/s of rows held to a schema, free rows = 1 (target {HELD_TARGET})")
    print(f"{'at once':36}" + "".join(f"{at_once:>9}" for at_once in found))
    print(f"{'held to a schema':36}" + "".join(f"{ratio:>9.2f}" for ratio in found.values()))
    print("\nlongest wait of a running stream for a token, milliseconds")
    print(f"{'a step, usually':36}{waits.step:>9.1f}")
    print(f"{'alone':36}{waits.alone:>9.1f}")
    print(f"{f'while {LARGE_SCHEMAS} large schemas compile':36}{waits.beside:>9.1f}")
    print(f"{'target: a step more than alone':36}{waits.alone + waits.step:>9.1f}")


def _rounds(
    anchor: Contender, contenders: list[Contender], count: int
) -> list[dict[tuple[str, int], Figures]]:
    for contender in [anchor, *contenders]:
        contender.run(asks(4, 0), 2)  # warm
    return [one_round(anchor, contenders, 1000 * number, AT_ONCE) for number in range(count)]


def _print(rounds: list[dict[tuple[str, int], Figures]], names: list[str], threads: int) -> None:
    print(f"\ntokens/s, serial generate = 1 ({threads} threads, median of {len(rounds)} rounds)")
    print(f"{'at once':36}" + "".join(f"{at_once:>9}" for at_once in AT_ONCE))
    for name in names:
        speeds = [median(each[name, n].tokens_per_second for each in rounds) for n in AT_ONCE]
        print(f"{name:36}" + "".join(f"{speed:>9.2f}" for speed in speeds))
    print(f"{'targets':36}" + "".join(f"{TARGETS[n]:>9.2f}" for n in AT_ONCE))
    print("\nmilliseconds to the first token, median")
    for name in names:
        waits = [median(each[name, n].first_token_ms for each in rounds) for n in AT_ONCE]
        print(f"{name:36}" + "".join(f"{wait:>9.1f}" for wait in waits))


if __name__ == "__main__":
    sys.exit(main())
