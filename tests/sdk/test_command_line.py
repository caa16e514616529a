"""The command `smarter` at a live server: what it prints, keeps, and ends with."""

import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
import yaml

import smarter
from smarter.cli import credentials, failures, main
from smarter.cli.output import screen
from tests.running import ROOT, Tenant, free_port

Run = Callable[..., tuple[int, str, str]]
COMMAND = Path(sys.executable).with_name("smarter")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("SMARTER_API_KEY", raising=False)
    monkeypatch.delenv("SMARTER_BASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs the program in this process: exit code, stdout, stderr."""

    def ran(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["smarter", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return ran


@pytest.fixture
def logged_in(run: Run, reader: Tenant) -> Tenant:
    login = ("login", "--api-key", reader.api_key, "--base-url", f"{reader.url}/v1")
    assert run(*login)[0] == 0
    return reader


def in_a_terminal(*arguments: str) -> tuple[int, str]:
    """Its exit code, and all that it drew on a terminal of its own."""
    ours, its = pty.openpty()
    with subprocess.Popen([COMMAND, *arguments], stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        drawn = b""
        try:
            while piece := os.read(ours, 4096):
                drawn += piece
        except OSError:  # Linux's word for "the other end is closed"
            pass
        os.close(ours)
    return process.returncode, drawn.decode()


def test_login_keeps_the_key_for_its_owner_alone_and_whoami_knows_it(
    run: Run, reader: Tenant, home: Path
) -> None:
    code, out, _ = run("login", "--api-key", reader.api_key, "--base-url", f"{reader.url}/v1")
    assert code == 0
    assert "for Readers." in out
    assert reader.api_key not in out
    kept = home / "config" / "smarter" / "credentials.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert credentials.stored() == credentials.Credentials(reader.api_key, f"{reader.url}/v1")
    code, out, _ = run("whoami", "-o", "json")
    assert json.loads(out)["organisation"]["id"] == reader.organisation
    assert run("logout")[0] == 0
    assert run("whoami")[0] == failures.NOT_LOGGED_IN


def test_chat_prints_the_words_as_they_come(
    run: Run, logged_in: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = mock.Mock(wraps=screen.out)
    monkeypatch.setattr(screen, "out", out)
    code, printed, _ = run("chat", "my-chatbot", "Count to 5")
    assert (code, printed) == (0, "1, 2, 3, 4, 5.\n")
    assert len([call for call in out.call_args_list if call.args[0]]) > 1


def test_a_file_goes_up_and_comes_down_under_a_bar(home: Path, run: Run, logged_in: Tenant) -> None:
    (home / "data.txt").write_text("Bread and butter.\n" * 50_000)
    code, drawn = in_a_terminal("files", "upload", "data.txt", "-o", "json")
    assert code == 0, drawn
    assert "data.txt" in drawn
    assert "━" in drawn  # the bar
    shown = drawn[drawn.index("{\r\n") :].replace("\r", "")
    made = json.loads(shown[: shown.rindex("}") + 1])
    assert made["bytes"] == 900_000
    code, drawn = in_a_terminal("files", "download", made["id"], "--to", "copy.txt")
    assert code == 0, drawn
    assert "━" in drawn
    assert (home / "copy.txt").read_bytes() == (home / "data.txt").read_bytes()
    assert not (home / "copy.txt.part").exists()
    assert run("files", "delete", made["id"])[0] == 0
    assert run("files", "download", made["id"])[0] == failures.UNKNOWN


def test_a_batch_is_followed_live_to_its_end(run: Run, logged_in: Tenant) -> None:
    body = {"model": "smarter-mini", "messages": [{"role": "user", "content": "Count to 3"}]}
    line = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    lines = "".join(json.dumps({**line, "custom_id": str(n)}) + "\n" for n in range(2))
    with credentials.client() as client:
        file = client.files.create(file=("in.jsonl", lines.encode()), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
    code, out, _ = run("follow", batch.id, "--every", "0.1")
    assert code == 0
    assert out.strip().endswith(f"{batch.id}: completed. 2 answered, 0 failed of 2")
    table = run("batches", "list")[1]
    assert batch.id in table
    assert "completed" in table


def test_a_fine_tuning_that_did_not_end_well_is_told_by_the_exit_code(
    run: Run, logged_in: Tenant
) -> None:
    with credentials.client() as client:
        job = client.fine_tuning.jobs.list(limit=1).data[0]
    code, out, _ = run("follow", job.id)
    assert code == failures.REFUSED
    assert f"{job.id}: cancelled." in out


def test_usage_is_drawn(run: Run, logged_in: Tenant) -> None:
    run("chat", "my-chatbot", "Count to 5")
    code, out, _ = run("usage", "--by", "model")
    assert code == 0
    header, *lines, total = out.splitlines()
    assert header.split() == ["Model", "Requests", "Tokens", "USD"]
    assert any(line.startswith("smarter-mini") and "█" in line for line in lines)
    assert total.startswith("Total")
    assert yaml.safe_load(run("usage", "-o", "yaml")[1])["object"] == "usage"


CHATBOT = """\
apiVersion: smarter.sh/v1
kind: Chatbot
metadata: {name: baker}
spec:
  title: Baker
  configuration: {temperature: 0.3}
"""
KNOWLEDGE = """\
apiVersion: smarter.sh/v1
kind: KnowledgeFile
metadata: {name: bread.md}
spec:
  contentFrom: bread.md
  chatbots: [baker]
"""


def test_a_folder_is_applied_described_applied_again_and_deleted(
    home: Path, run: Run, logged_in: Tenant
) -> None:
    shop = home / "shop"
    shop.mkdir()
    (shop / "a-file.yaml").write_text(KNOWLEDGE)
    (shop / "b-bot.yaml").write_text(CHATBOT)
    (shop / "bread.md").write_text("Rye takes a day.\n")
    code, out, _ = run("apply", "-f", str(shop), "--dry-run")
    assert code == 0
    assert "Chatbot/baker would be created" in out
    assert "+title: Baker" in out
    assert run("describe", "chatbot", "baker")[0] == failures.UNKNOWN
    code, out, _ = run("apply", "-f", str(shop))
    assert code == 0
    assert "KnowledgeFile/bread.md created" in out
    assert "baker" in run("get", "Chatbot")[1].splitlines()
    assert "baker" in run("chatbots", "list")[1]
    described = run("describe", "chatbot", "baker")[1]
    assert yaml.safe_load(described)["spec"]["configuration"]["temperature"] == 0.3
    (home / "again.yaml").write_text(described)
    assert run("apply", "-f", str(home / "again.yaml"))[1] == "Chatbot/baker unchanged\n"
    for kind, name in (("KnowledgeFile", "bread.md"), ("Chatbot", "baker")):
        assert run("delete", kind, name, "--yes")[0] == 0
    assert "baker" not in run("get", "Chatbot")[1].splitlines()


def test_a_key_of_a_manifest_is_shown_once_and_works(
    home: Path, run: Run, logged_in: Tenant
) -> None:
    (home / "key.yaml").write_text(
        "apiVersion: smarter.sh/v1\nkind: APIKey\nmetadata: {name: shop}\n"
        "spec: {scopes: [inference]}\n"
    )
    first = run("apply", "-f", str(home / "key.yaml"))[1]
    secret = first.rpartition("not shown again: ")[2].split()[0]
    with smarter.Smarter(api_key=secret, base_url=f"{logged_in.url}/v1") as client:
        told = client.chat.completions.create(
            model="smarter-mini", messages=[{"role": "user", "content": "Count to 3"}]
        )
    assert told.choices[0].message.content
    assert run("apply", "-f", str(home / "key.yaml"))[1] == "APIKey/shop unchanged\n"
    assert secret not in run("describe", "APIKey", "shop")[1]
    assert run("delete", "APIKey", "shop", "--yes")[0] == 0


def test_examples_and_schemas_are_printed_for_editors(run: Run, logged_in: Tenant) -> None:
    assert yaml.safe_load(run("manifest", "Chatbot")[1])["kind"] == "Chatbot"
    assert "configuration" in json.loads(run("schema", "Chatbot")[1])["properties"]


def test_errors_name_the_place_the_request_and_have_their_code(
    home: Path, run: Run, logged_in: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "bad.yaml").write_text(CHATBOT.replace("0.3", "9"))
    code, _, err = run("apply", "-f", "bad.yaml")
    assert code == failures.REFUSED
    assert "bad.yaml:6: spec.configuration.temperature: " in err
    assert "(request req_" in err
    code, _, err = run("chatbots", "get", "nobody")
    assert code == failures.UNKNOWN
    assert "Error: No chatbot has this name" in err
    assert "(request req_" in err
    assert run("chatbots", "lisst")[0] == 2
    monkeypatch.setenv("SMARTER_API_KEY", "sk-" + "x" * 42)
    code, _, err = run("whoami")
    assert code == failures.NOT_LOGGED_IN
    assert "(request req_" in err
    monkeypatch.setenv("SMARTER_BASE_URL", f"http://127.0.0.1:{free_port()}/v1")
    assert run("whoami")[0] == failures.UNREACHABLE


@pytest.mark.parametrize(
    ("words", "offered"), [("cha", {"chat", "chatbots"}), ("chatbots li", {"list"})]
)
def test_the_shell_completes_commands(words: str, offered: set[str]) -> None:
    asked = {
        "_SMARTER_COMPLETE": "complete_bash", "COMP_WORDS": f"smarter {words}",
        "COMP_CWORD": str(len(words.split())),
    }  # fmt: skip
    done = subprocess.run(
        [COMMAND], env={**os.environ, **asked}, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) == offered
