"""A batch against the same requests one after another: `python -m bench.batches [--lines 512]`.

Both go to the running product with a random model of 11 million parameters: HTTP, money and all.
The figure is output tokens a second, of a batch from its creation to `completed` (its validation
and files included), divided by that of one client that sends the next request when it has the
answer to the last. The two take turns; medians.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.engine_model import make_folder
from bench.http_site import MANAGE, NO_LIMITS, STOP_SECONDS, free_port, manage

TARGET = 4.0
ENDPOINT = "/v1/chat/completions"
DONE = {"completed", "failed", "expired", "cancelled"}
Body = dict[str, Any]


def bodies(count: int) -> list[Body]:
    """Prompts of 8 to 60 words, answers of 16 to 64 tokens."""
    chance = random.Random(1)
    return [
        {
            "model": "random-11m",
            "max_tokens": chance.randint(16, 64),
            "temperature": 1.0,
            "seed": number,
            "messages": [{"role": "user", "content": " ".join(["word"] * chance.randint(8, 60))}],
        }
        for number in range(count)
    ]


def one_by_one(http: httpx.Client, asked: Sequence[Body]) -> float:
    """Output tokens a second."""
    begin, tokens = time.monotonic(), 0
    for body in asked:
        tokens += _json(http.post(ENDPOINT, json=body))["usage"]["completion_tokens"]
    return tokens / (time.monotonic() - begin)


def as_batch(http: httpx.Client, asked: Sequence[Body]) -> float:
    """The same of a batch."""
    lines = [
        {"custom_id": str(number), "method": "POST", "url": ENDPOINT, "body": body}
        for number, body in enumerate(asked)
    ]
    form = {"file": ("bench.jsonl", "\n".join(map(json.dumps, lines)).encode())}
    file = _json(http.post("/v1/files", files=form, data={"purpose": "batch"}))
    create = {"input_file_id": file["id"], "endpoint": ENDPOINT, "completion_window": "24h"}
    begin = time.monotonic()
    batch = _json(http.post("/v1/batches", json=create))
    while batch["status"] not in DONE:
        time.sleep(0.1)
        batch = _json(http.get(f"/v1/batches/{batch['id']}"))
    seconds = time.monotonic() - begin
    if batch["request_counts"]["completed"] != len(asked):
        raise RuntimeError(f"The batch ended so: {batch}")
    return float(batch["usage"]["output_tokens"]) / seconds


def measure(rounds: int, lines: int) -> Sequence[tuple[float, float]]:
    """Pairs of (one by one, batch), the first round left out."""
    with tempfile.TemporaryDirectory(prefix="smarter-bench-batches-") as folder:
        data = Path(folder)
        with _site(data) as http:
            model = make_folder(data / "model")
            manage(
                *(data, "models", "add", "random-11m", "--path", str(model)),
                *("--input-price", "1", "--output-price", "2"),
            )
            _wait_for_engine(http)
            asked = bodies(lines)
            one_by_one(http, asked[:4])
            as_batch(http, asked[:4])
            return [
                (one_by_one(http, asked[: lines // 8]), as_batch(http, asked))
                for _ in range(rounds)
            ]


@contextmanager
def _site(data: Path) -> Iterator[httpx.Client]:
    """All of the product, with one tenant whose limits and balance do not matter."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    with subprocess.Popen(
        [sys.executable, str(MANAGE), "up", "--json", "--port", str(free_port())],
        env={**kept, "SMARTER_DATA": str(data), "LOG_LEVEL": "WARNING"},
        stdout=subprocess.PIPE,
        text=True,
    ) as up:
        try:
            told = json.loads((up.stdout and up.stdout.readline()) or "{}")
            created = manage(
                *(data, "organisations", "create", "Bench", "--json", "--credit", "1000"),
                *NO_LIMITS,
            )
            key = json.loads(created)["api_key"]
            headers = {"Authorization": f"Bearer {key}"}
            with httpx.Client(base_url=told["url"], headers=headers, timeout=120) as http:
                yield http
        finally:
            up.terminate()
            up.wait(STOP_SECONDS)


def _wait_for_engine(http: httpx.Client) -> None:
    """A model that was just added is loaded by a process of its own."""
    end = time.monotonic() + STOP_SECONDS
    while http.post(ENDPOINT, json=bodies(1)[0]).status_code != httpx.codes.OK:
        if time.monotonic() > end:
            raise RuntimeError("The engine of the model did not start.")
        time.sleep(0.5)


def _json(answer: httpx.Response) -> Body:
    answer.raise_for_status()
    told: Body = answer.json()
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lines", type=int, default=512)
    options = parser.parse_args()
    pairs = measure(options.rounds, options.lines)
    serial, batch = (statistics.median(figures) for figures in zip(*pairs, strict=True))
    ratio = statistics.median(batch / serial for serial, batch in pairs)
    verdict = "reached" if ratio >= TARGET else "MISSED"
    print(f"Output tokens a second, random model of 11M parameters, {options.lines} lines:")
    print(f"  one by one {serial:5.0f}   as a batch {batch:5.0f}   ratio {ratio:.1f}")
    print(f"  target {TARGET:.0f} {verdict}; rounds: {[round(b / s, 1) for s, b in pairs]}")


if __name__ == "__main__":
    main()
