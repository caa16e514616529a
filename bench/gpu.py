"""The engine on a GPU, checked and then measured, all in one run.

    python -m bench.gpu [--device cuda] [--small]

First whether it computes right there (any failure ends the run with status 1, after all checks were
made), then how fast, as fractions of what the memory's measured speed allows: a line for each
target of the engine, with what was seen. `--small` runs the same code on small shapes in half a
minute, on a CPU too; its figures say nothing. It needs no Django: torch, transformers, llguidance,
msgpack, pydantic and Triton are enough.
"""

import argparse
import logging
import sys

import torch

from bench import gpu_checks, gpu_figures


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout)  # why something goes another way
    device = torch.device(options.device)
    if device.type == "cuda":
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    elif not options.small:
        sys.exit("There is no GPU here: --small runs the same code on this processor.")
    else:
        torch.set_num_threads(1)  # on small shapes more of them only wait for each other
    failed = gpu_checks.run(device)
    gpu_figures.run(device, small=options.small)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
