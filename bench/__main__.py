"""Every number in the README: `make bench` (half an hour), or one part: `make bench ARGS=engine`.

Parts: adapters, batches, dashboard, embeddings, engine, engine_large, http_gateway, http_road,
knowledge, ledger, shared, sockets. Figures are ratios or counts for each second of processor time,
so that a busy machine changes them little; run it on a quiet one all the same.

Only when it is named: gateway_peers, which installs other people's gateways, and soak, which lasts
(`-m bench.soak --minutes 60`).
"""

import os
import subprocess
import sys
from pathlib import Path

PARTS = (
    "adapters", "batches", "dashboard", "embeddings", "engine", "engine_large", "http_gateway",
    "http_road", "knowledge", "ledger", "shared", "sockets",
)  # fmt: skip
NAMED = ("gateway_peers", "soak")


def main() -> int:
    parts = sys.argv[1:] or PARTS
    if unknown := set(parts) - {*PARTS, *NAMED}:
        there = ", ".join(PARTS + NAMED)
        sys.exit(f"There is no part {', '.join(sorted(unknown))}. There are: {there}.")
    print(_machine())
    codes = []
    for part in parts:
        print(f"\n== {part}", flush=True)
        codes.append(
            subprocess.run([sys.executable, "-m", f"bench.{part}"], check=False).returncode
        )
    return max(codes)


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = {line.partition(": ")[2] for line in lines if line.startswith("model name")}
    load = os.getloadavg()[0]
    return f"{', '.join(names)}, {os.cpu_count()} cores, load {load:.1f} before the start"


if __name__ == "__main__":
    sys.exit(main())
