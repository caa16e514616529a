"""Public test suites against a running server: `python -m tests.conformance SUITE URL KEY [MODEL]`.

Each suite gets an environment of its own under .clients/; what follows after `--` goes to pytest or
schemathesis. docs/compatibility.md tells what to expect.
"""

import argparse
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
ENVIRONMENTS: Final = ROOT / ".clients"
OPENAI: Final = "3.52.0"
PACKAGES: Final = {
    "openai": [
        f"openai[aiohttp]=={OPENAI}", "pytest", "pytest-asyncio", "pytest-xdist", "pytest-timeout",
        "respx", "rich", "dirty-equals", "inline-snapshot", "nest_asyncio", "time-machine",
        "jsonschema", "numpy",
    ],
    "langchain": ["langchain-openai==1.7.3", "langchain-tests==1.1.9", "pytest-timeout"],
    "schemathesis": ["schemathesis==4.32.5"],
}  # fmt: skip
OPENAI_TESTS: Final = [
    f"tests/api_resources/{name}"
    for name in (
        "chat/test_completions.py", "chat/completions", "test_completions.py", "test_models.py",
        "test_responses.py", "responses", "test_conversations.py", "conversations",
        "test_files.py", "test_uploads.py", "uploads", "fine_tuning/test_jobs.py",
        "fine_tuning/jobs", "test_batches.py", "test_embeddings.py", "test_moderations.py",
        "test_vector_stores.py", "vector_stores",
    )
]  # fmt: skip
PYTEST: Final = ["-m", "pytest", "-p", "no:cacheprovider", "-q", "-W", "ignore", "--tb", "line"]
ACCOUNTS: Final = r"^/(v1/)?(api_keys|members|organisation|me|topups)"
"""What a fuzzer would lock itself out with."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("suite", choices=PACKAGES)
    parser.add_argument("url", help="of the server, with /v1")
    parser.add_argument("key", help="of an organisation with high limits")
    parser.add_argument("model", nargs="?", default="scripted")
    parser.add_argument("--description", help="schemathesis: other than the server's own")
    asked, more = parser.parse_known_args([word for word in sys.argv[1:] if word != "--"])
    python = environment(asked.suite)
    folder, command = COMMANDS[asked.suite](asked, more)
    variables = {
        "PYTHONPATH": str(Path(__file__).parent),
        "OPENAI_API_KEY": asked.key,
        "OPENAI_BASE_URL": asked.url,
        "TEST_API_BASE_URL": asked.url,
        "CONFORMANCE_MODEL": asked.model,
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
    }
    return subprocess.run(
        [python, *command], cwd=folder, env={**os.environ, **variables}, check=False
    ).returncode


def environment(suite: str) -> Path:
    """Its Python, with the suite installed."""
    folder = ENVIRONMENTS / f"suite-{suite}"
    python = folder / "bin/python"
    if not (folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES[suite]], check=True)
        (folder / "installed").touch()
    return python


def of_openai(_asked: argparse.Namespace, more: list[str]) -> tuple[Path, list[str]]:
    """Its tests are in the source distribution, and are run from within."""
    folder = ENVIRONMENTS / f"openai-{OPENAI}"
    if not folder.exists():
        name, into = f"openai=={OPENAI}", str(ENVIRONMENTS)
        download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary"]
        subprocess.run([*download, "openai", name, "-d", into], check=True)
        with tarfile.open(f"{folder}.tar.gz") as archive:
            archive.extractall(ENVIRONMENTS, filter="data")
    return folder, [*PYTEST, "-n", "0", "-p", "openai_suite", *(more or OPENAI_TESTS)]


def of_langchain(_asked: argparse.Namespace, more: list[str]) -> tuple[Path, list[str]]:
    """Some of its cases share one client, and so need one event loop."""
    loop = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_test_loop_scope=session"]
    suite = str(Path(__file__).with_name("langchain_suite.py"))
    return ENVIRONMENTS, [*PYTEST, "--noconftest", "-c", os.devnull, *loop, suite, *more]


def of_schemathesis(asked: argparse.Namespace, more: list[str]) -> tuple[Path, list[str]]:
    """Ours has the prefix in its paths; OpenAI's has it in the server's address."""
    root = asked.url.removesuffix("/v1")
    own = [f"{root}/openapi.json", "--url", root, "--exclude-path-regex", ACCOUNTS]
    given = asked.description and [str(Path(asked.description).resolve()), "--url", asked.url]
    key = ["--header", f"Authorization: Bearer {asked.key}"]
    run = ["run", *(given or own), *key, "--continue-on-failure", "--seed", "1"]
    return ENVIRONMENTS, ["-m", "schemathesis.cli", *run, *more]


COMMANDS: Final = {
    "openai": of_openai, "langchain": of_langchain, "schemathesis": of_schemathesis,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
