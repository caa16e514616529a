"""Serves one model: `python -m inference.engines.local --model FOLDER --listen unix:PATH`."""

import argparse
import asyncio
import gc
import logging
import os
import sys
from pathlib import Path

from inference.engines.base import EngineInfo
from inference.engines.local import lifetime, sockets

SECRET = "SMARTER_ENGINE_SECRET"  # noqa: S105 - the name of a variable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="the model's folder")
    parser.add_argument("--listen", required=True, help="unix:PATH or tcp:HOST:PORT")
    parser.add_argument("--name", help="the model's id in the catalog (default: its folder's name)")
    parser.add_argument("--threads", type=int, help="for computing (default: half of the cores)")
    parser.add_argument("--context", type=int, help="tokens (default: what the model was made for)")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), help="default: by device")
    parser.add_argument("--max-sequences", type=int, default=128, help="at once (default: 128)")
    parser.add_argument("--kv-memory-mb", type=int, help="default: a quarter of the memory")
    parser.add_argument(
        "--graphs",
        action=argparse.BooleanOptionalAction,
        help="record decode steps (CUDA; default there: yes)",
    )
    parser.add_argument(
        "--pages",
        action=argparse.BooleanOptionalAction,
        help="keep keys and values in blocks, as many as there are tokens (default on CUDA: yes)",
    )
    parser.add_argument("--adapters", type=Path, help="a folder of LoRA adapters of this model")
    parser.add_argument(
        "--die-with-parent", action="store_true", help="end when the starting process ends"
    )


def run(options: argparse.Namespace) -> int:
    """Loads, says one line, serves until SIGTERM. Returns the exit status."""
    if options.die_with_parent:
        lifetime.ends_with(os.getppid())
    os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: it looks once
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    # A unix socket is its user's alone: who reaches it needs no secret.
    over_tcp = sockets.is_tcp(options.listen)
    secret = (over_tcp and os.environ.get(SECRET)) or None
    if over_tcp and secret is None:
        return _refuse(f"Set {SECRET} to the same long random text here and at the gateway.")
    try:
        sockets.check(options.listen)
    except sockets.BadAddress as error:
        return _refuse(str(error))
    return _serve(options, secret)


def _serve(options: argparse.Namespace, secret: str | None) -> int:
    gc.disable()  # half a second of the imports would go into looking for garbage among them
    # Torch takes seconds: what is wrong with the arguments has been told before it is imported.
    from inference.engines.local import loading  # noqa: PLC0415 - see above
    from inference.engines.local.opening import open_server  # noqa: PLC0415 - see above

    try:
        wishes = loading.LoadOptions(
            folder=options.model,
            name=options.name,
            dtype=options.dtype,
            context=options.context,
            max_sequences=options.max_sequences,
            kv_memory_mb=options.kv_memory_mb,
            threads=options.threads,
            adapters=options.adapters,
            graphs=options.graphs,
            pages=options.pages,
        )
        server = open_server(wishes, secret)
        gc.freeze()  # what is loaded stays: no step waits until it has been looked through
        gc.enable()
        ready = f"Serving {_described(server.info)} at {options.listen}, {server.at_once}."
        return asyncio.run(server.run(options.listen, lambda: _say(ready)))
    except (loading.LoadingFailed, sockets.BadAddress) as error:
        return _refuse(str(error))


def _described(info: EngineInfo) -> str:
    return (
        f"{info.model} ({info.parameters / 1e6:.1f}M parameters, {info.dtype} on {info.device}, "
        f"{info.context_window} tokens of context)"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _refuse(reason: str) -> int:
    sys.stderr.write(reason + "\n")
    return 1


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m inference.engines.local", description=__doc__
    )
    add_arguments(arguments)
    sys.exit(run(arguments.parse_args()))
