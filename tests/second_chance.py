"""All tests side by side; those that fail there run again alone, and that decides.

Hundreds of tests start, kill and time real processes, on machines that do other work, too. What is
broken fails alone as well, and a few such tests end the second run; what fails only beside others
is named, because it should be mended. However many fail at first, the second run has its time.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

BROKEN: Final = 5  # that fail alone, too: nobody needs to see more
SECONDS: Final = 600  # of the second run, by the end of the test that runs then
FAILED: Final = 1  # pytest's exit status when it ran to its end and tests failed
LAST_FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")


def main(workers: str, arguments: list[str]) -> int:
    beside = ["--numprocesses", workers, "--dist", "loadgroup", *arguments]
    LAST_FAILED.unlink(missing_ok=True)  # what failed another day is not asked again
    status = _pytest(beside)
    failures = _failures() if status == FAILED else []
    if not failures:
        return status
    told = [f"\n{len(failures)} failed beside others. They run again, alone:", *failures, ""]
    sys.stdout.write("\n".join(told))
    sys.stdout.flush()
    LAST_FAILED.write_text(json.dumps(dict.fromkeys(failures, True)))
    bounds = [f"--maxfail={BROKEN}", f"--session-timeout={SECONDS}"]
    return _pytest(["--numprocesses", "0", "--last-failed", *bounds, *arguments])


def _pytest(arguments: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def _failures() -> list[str]:
    """By the names that they have when they run alone: pytest-xdist adds `@group`."""
    names = json.loads(LAST_FAILED.read_text()) if LAST_FAILED.exists() else {}
    return [re.sub(r"@\w+$", "", name) for name in names]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
