"""The engine as a process: how it starts, listens, ends and dies, and what its clients see."""

import argparse
import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.engines.base import EngineUnavailable, GenerationRequest, Prepared, SamplingParams
from inference.engines.local import __main__ as entry
from inference.engines.local.client import LocalEngine
from tests.engines.engine_process import ROOT, command, engine, engine_of
from tests.engines.small_models import make_folder
from tests.patience import PATIENCE, soon

ENDLESS = GenerationRequest("r", "m", SamplingParams(ignore_eos=True), prompt="hello")


async def read_on(client: LocalEngine, prepared: Prepared) -> None:
    async for _ in client.generate(prepared, prepared.max_output):
        pass


async def test_when_the_engine_is_killed_its_streams_fail_at_once_and_the_next_one_serves(
    model_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "e.sock"
    client = LocalEngine(f"unix:{path}")
    with engine(model_folder, f"unix:{path}") as process:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        prepared = await asyncio.gather(*(client.prepare(ENDLESS) for _ in range(20)))
        waiting = await client.prepare(ENDLESS)
        process.send_signal(signal.SIGSTOP)  # so that no stream can end before the kill
        streams = [asyncio.create_task(read_on(client, each)) for each in prepared]
        await asyncio.sleep(0.05)
        process.kill()
        results = await soon(asyncio.gather(*streams, return_exceptions=True))
        assert {type(result) for result in results} == {EngineUnavailable}
        with pytest.raises(EngineUnavailable):
            await anext(client.generate(waiting, 5))
        with pytest.raises(EngineUnavailable):
            await client.prepare(ENDLESS)
    assert path.exists()  # left behind by the killed one
    with engine(model_folder, f"unix:{path}") as process:
        await asyncio.sleep(0.1)  # the client's pause after its failed try
        await read_on(client, await client.prepare(ENDLESS))
        await client.close()
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert not path.exists()


def test_sigterm_ends_it_cleanly_in_the_middle_of_a_step(
    model_folder: Path, tmp_path: Path
) -> None:
    async def scenario(address: str, process: "subprocess.Popen[str]") -> None:
        client = LocalEngine(address)
        prepared = [await client.prepare(ENDLESS) for _ in range(8)]
        streams = [asyncio.create_task(read_on(client, each)) for each in prepared]
        await asyncio.sleep(0.02)
        process.terminate()
        results = await asyncio.gather(*streams, return_exceptions=True)
        assert {type(result) for result in results} <= {EngineUnavailable, type(None)}
        await client.close()

    address = f"unix:{tmp_path / 'e.sock'}"
    with engine(model_folder, address) as process:
        asyncio.run(scenario(address, process))
        assert process.wait(PATIENCE) == 0


BREAKS = {
    "stuck": "steps.Steps.step = lambda self: time.sleep(600)",
    "dead": "steps.Steps.step = lambda self: 1 / 0",
}


@pytest.mark.parametrize(("how", "status"), [("stuck", os.EX_SOFTWARE), ("dead", 1)])
async def test_an_engine_that_no_longer_steps_ends_itself(
    model_folder: Path, tmp_path: Path, how: str, status: int
) -> None:
    """Nobody can end a thread inside torch: the process goes, for its supervisor to start anew."""
    address = f"unix:{tmp_path / 'e.sock'}"
    breaking = (
        "import sys, time\n"
        "from inference.engines.local import __main__ as entry, loop, serving, steps\n"
        "serving.STUCK_SECONDS = 0.5\n"
        "submit = loop.EngineLoop.submit\n"
        "def submit_and_break(self, submission):\n"
        f"    {BREAKS[how]}\n"
        "    submit(self, submission)\n"
        "loop.EngineLoop.submit = submit_and_break\n"
        "parser = entry.argparse.ArgumentParser()\n"
        "entry.add_arguments(parser)\n"
        "sys.exit(entry.run(parser.parse_args()))\n"
    )
    arguments = [sys.executable, "-c", breaking, *command(model_folder, address)[3:]]
    with engine_of(arguments) as process:
        client = LocalEngine(address)
        prepared = await client.prepare(ENDLESS)
        with pytest.raises(EngineUnavailable, match="went away"):
            await read_on(client, prepared)
        assert process.wait(PATIENCE) == status
        await client.close()


def test_it_dies_with_its_parent_when_asked_to(model_folder: Path, tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'e.sock'}"
    starting = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline(), flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", starting, *command(model_folder, address, "--die-with-parent")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid, said = parent.stdout.readline().split(maxsplit=1)
    assert "Serving" in said
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 10
    while _runs(int(pid)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _runs(int(pid))


def _runs(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_over_tcp_both_sides_must_know_the_secret(model_folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with engine(model_folder, f"tcp://127.0.0.1:{port}", secret="open sesame"):
        stranger = LocalEngine(f"tcp:127.0.0.1:{port}", secret="guess")
        with pytest.raises(EngineUnavailable):
            await stranger.prepare(ENDLESS)
        friend = LocalEngine(f"tcp:127.0.0.1:{port}", secret="open sesame")
        await read_on(friend, await friend.prepare(ENDLESS))
        await friend.close()
        await stranger.close()


async def test_over_a_unix_socket_nobody_is_asked_for_the_secret_of_other_engines(
    model_folder: Path, tmp_path: Path
) -> None:
    """As `up` asks how its own engines are, on a machine that has engines elsewhere, too."""
    with engine(model_folder, f"unix:{tmp_path}/e.sock", secret="open sesame"):
        client = LocalEngine(f"unix:{tmp_path}/e.sock")
        assert (await client.health()).status == "ok"
        await client.close()


@pytest.fixture
def refusal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """What it says when it does not start."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("SMARTER_ENGINE_SECRET", "")

    def attempt(*arguments: object) -> str:
        parser = argparse.ArgumentParser()
        entry.add_arguments(parser)
        options = command(*arguments)[3:]  # type: ignore[arg-type]  # folder, address and options
        capsys.readouterr()
        assert entry.run(parser.parse_args(options)) == 1
        said = capsys.readouterr()
        assert not said.out
        assert said.err.count("\n") == 1
        return said.err

    return attempt


def test_tcp_without_a_secret_is_refused(model_folder: Path, refusal: Callable[..., str]) -> None:
    assert "SMARTER_ENGINE_SECRET" in refusal(model_folder, "tcp:127.0.0.1:1")


def test_what_a_person_can_get_wrong_is_one_clear_line(
    model_folder: Path,
    tmp_path: Path,
    running_address: str,
    refusal: Callable[..., str],
) -> None:
    mine = f"unix:{tmp_path / 'e.sock'}"
    large = make_folder(tmp_path / "large", max_position_embeddings=50_000)
    assert "Another engine listens" in refusal(model_folder, running_address)
    assert "config.json" in refusal(tmp_path / "nothing", mine)
    assert "--kv-memory-mb more, or --context less" in refusal(large, mine, "--kv-memory-mb", "1")
    assert "is not an address" in refusal(model_folder, "http://x")
    assert "too long for a socket" in refusal(model_folder, "unix:/" + "x" * 200)
    assert not Path(mine).exists()


def test_the_client_imports_neither_torch_nor_transformers() -> None:
    program = (
        "import sys, inference.engines.local.client\n"
        "print([name for name in ('torch', 'transformers', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_without_an_engine_every_call_fails_at_once(tmp_path: Path) -> None:
    client = LocalEngine(f"unix:{tmp_path / 'none.sock'}")
    began = time.monotonic()
    for call in (client.prepare(ENDLESS), client.info(), client.health()):
        with pytest.raises(EngineUnavailable, match="is not running"):
            await call
    assert time.monotonic() - began < 1
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing was made there
