"""What a call costs the web process: `python -m bench.http_gateway [--seconds 5 --rounds 3]`.

The scripted engine answers at once, so what is left is the gateway: HTTP, authentication, limits,
hold and settle in Postgres, validation, JSON, server-sent events. A figure is complete answers for
each second of the web process's CPU, which does not depend on what else the machine does.
"""

import argparse
import asyncio
import statistics
from collections.abc import Sequence
from contextlib import ExitStack

from bench import http_load
from bench.http_site import Site, site

SERVERS = ("daphne", "uvicorn")
HELLO = {
    "model": "scripted",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Hello!"},
    ],
    "max_tokens": 64,
    "temperature": 0.7,
}
STREAM = {**HELLO, "messages": [{"role": "user", "content": "#words=64"}], "stream": True}
PACED = {**STREAM, "messages": [{"role": "user", "content": "#words=64 #pace=5"}]}
KINDS = {  # the call, how many tokens it answers, the target
    "requests": (HELLO, 0, 600.0),
    "64-token streams": (STREAM, 64, 250.0),
    "the same, a step of the engine for each token": (PACED, 64, None),
}
CONCURRENT = 32
SCRIPTED = ("scripted", "--engine", "scripted:", "--context", "8192")


def measure(rounds: int, seconds: float) -> dict[tuple[str, str], float]:
    """Median answers per second and core of each (kind, server), interleaved round by round."""
    with ExitStack() as open_sites:
        sites = [open_sites.enter_context(site(server, SCRIPTED)) for server in SERVERS]
        figures: dict[tuple[str, str], list[float]] = {}
        for number in range(rounds + 1):
            for kind in KINDS:
                for one in sites:
                    figure = _figure(one, kind, seconds if number else 1.0)
                    if number:  # the first round warms up
                        figures.setdefault((kind, one.server), []).append(figure)
    return {which: statistics.median(values) for which, values in figures.items()}


def report(figures: dict[tuple[str, str], float]) -> Sequence[str]:
    lines = ["Complete answers for each second of the web process's CPU:"]
    for kind, (_, _, target) in KINDS.items():
        each = {server: figures[kind, server] for server in SERVERS}
        line = f"  {kind:<47}" + "  ".join(f"{name} {each[name]:5.0f}" for name in SERVERS)
        if target:
            verdict = "reached" if max(each.values()) >= target else "MISSED"
            line += f"  target {target:.0f} {verdict}"
        lines.append(line)
    return lines


def _figure(one: Site, kind: str, seconds: float) -> float:
    call, tokens, _ = KINDS[kind]
    load = asyncio.run(http_load.run(one, call, CONCURRENT, seconds))
    if load.wrong or load.tokens != tokens * load.answers:
        raise RuntimeError(f"{one.server} answered {load.wrong[:1]}, {load.tokens} tokens")
    return load.per_core


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    print("\n".join(report(measure(options.rounds, options.seconds))))


if __name__ == "__main__":
    main()
