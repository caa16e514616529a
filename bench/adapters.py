"""Adapters: rows of the base, of one adapter, and of as many adapters as rows, in one batch.

    python -m bench.adapters [--rounds 5] [--threads 2]

The 11M random Llama of the engine benchmark, stepped in this process: prompts of 16 tokens, 64 of
output, adapters of rank 16 on every linear layer. Rounds are interleaved; a figure is the median of
the rounds' ratios of processor time.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import torch
from peft import LoraConfig, get_peft_model

from bench.engine_model import VOCABULARY, make_folder, make_model
from inference.engines.base import SamplingParams
from inference.engines.local.adapters import Adapter
from inference.engines.local.adapters_vetting import TARGETS
from inference.engines.local.loading import LoadedModel, LoadOptions, load
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import Submission

ROWS, PROMPT, OUTPUT, RANK = 8, 16, 64, 16
TARGET: Final = 0.6  # of the base's speed
GREEDY = SamplingParams(temperature=0, ignore_eos=True)


def make_adapters(folder: Path) -> None:
    warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by an older name
    for number in range(ROWS):
        torch.manual_seed(number)
        config = LoraConfig(r=RANK, target_modules=list(TARGETS), init_lora_weights=False)
        get_peft_model(make_model(), config).save_pretrained(str(folder / f"a{number}"))


def seconds(model: LoadedModel, adapters: Sequence[Adapter | None]) -> float:
    """Processor time of a batch with a row for each of `adapters`, to its last token."""
    waiting = FairQueue()
    for number, adapter in enumerate(adapters):
        prompt = [(number * 97 + at * 31) % VOCABULARY for at in range(PROMPT)]
        waiting.put(Submission(prompt, GREEDY, OUTPUT, adapter=adapter))
    model.steps.admit(waiting)
    began = time.process_time()
    while model.steps.running:
        model.steps.step()
    return time.process_time() - began


def measure(folder: Path, rounds: int, threads: int) -> list[str]:
    options = LoadOptions(
        make_folder(folder / "base"), max_sequences=ROWS, threads=threads, adapters=folder
    )
    model = load(options)
    model.steps.speed_up()
    make_adapters(folder)
    each = [model.adapters.get(f"a{number}") for number in range(ROWS)]
    ways: dict[str, list[Adapter | None]] = {
        f"{ROWS} rows of one adapter": [each[0]] * ROWS,
        f"{ROWS} rows of {ROWS} adapters": [*each],
        f"{ROWS // 2} rows of adapters beside {ROWS // 2} of the base": [*each[:4], *[None] * 4],
    }
    base: list[Adapter | None] = [None] * ROWS
    ratios: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        plain = seconds(model, base)
        for name, adapters in ways.items():
            ratio = plain / seconds(model, adapters)
            if number:  # the first round warms up
                ratios[name].append(ratio)
    model.grammars.close()
    return [_line(name, median(found)) for name, found in ratios.items()]


def _line(name: str, ratio: float) -> str:
    verdict = "reached" if ratio >= TARGET else "MISSED"
    return f"{name}: {ratio:.2f} of the base's speed  target {TARGET} {verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for line in measure(Path(folder), asked.rounds, asked.threads):
            print(line)


if __name__ == "__main__":
    main()
