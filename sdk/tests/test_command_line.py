"""`smarter`: what it prints, keeps and ends with."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import yaml
from typer.testing import CliRunner

import smarter
from sdk.tests.conftest import KEY, Script, refuses, says
from sdk.tests.test_resources import BOT, page
from smarter.cli import credentials, failures
from smarter.cli.application import application

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("SMARTER_API_KEY", raising=False)
    monkeypatch.delenv("SMARTER_BASE_URL", raising=False)
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, script: Script, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command as `main` does, over the scripted server: exit code, stdout, stderr."""
    real = smarter.Smarter.__init__

    def scripted(self: smarter.Smarter, **options: object) -> None:
        http = smarter.DefaultHttpxClient(transport=httpx.MockTransport(script))
        real(self, max_retries=0, http_client=http, **options)  # type: ignore[arg-type]  # the caller's own

    monkeypatch.setattr(smarter.Smarter, "__init__", scripted)

    def ran(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        code: int | str | None = 0

        def invoke() -> None:
            result = CliRunner().invoke(application, arguments, input=typed)
            nonlocal code
            code = result.exit_code
            print(result.stdout, end="")  # noqa: T201 - what the command printed
            if result.exception and not isinstance(result.exception, SystemExit):
                raise result.exception

        try:
            failures.guarded(invoke)
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        return int(code or 0), out, err

    return ran


@pytest.fixture
def logged_in() -> None:
    credentials.store(credentials.Credentials(KEY, "http://platform.test/v1"))


def test_login_checks_the_key_and_keeps_it_for_its_owner_alone(
    run: Run, script: Script, home: Path
) -> None:
    me = {"object": "me", "organisation": {"id": "org_1", "name": "Ada's bakery"}}
    script.answers = [says(me)]
    address = "http://platform.test/v1"
    code, out, _ = run("login", "--base-url", address, typed=KEY + "\n")
    assert code == 0
    assert "Ada's bakery" in out
    assert KEY not in out
    assert script.asked[0].url == f"{address}/me"
    kept = home / "smarter" / "credentials.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert credentials.stored() == credentials.Credentials(KEY, address)
    assert run("logout")[0] == 0
    assert not kept.exists()


def test_a_key_that_is_refused_is_not_kept(run: Run, script: Script) -> None:
    script.answers = [refuses(401)]
    code, _, err = run("login", typed=KEY + "\n")
    assert code == failures.NOT_LOGGED_IN
    assert "req_123" in err
    assert credentials.stored() is None


def test_without_a_login_a_command_says_what_to_do(run: Run) -> None:
    code, _, err = run("whoami")
    assert code == failures.NOT_LOGGED_IN
    assert "smarter login" in err


@pytest.mark.usefixtures("logged_in")
@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (refuses(404), failures.UNKNOWN, "req_123"), (refuses(403), failures.REFUSED, "req_123"),
        (refuses(401), failures.NOT_LOGGED_IN, "req_123"),
        (httpx.ConnectError("gone"), failures.UNREACHABLE, "platform.test"),
    ],
)  # fmt: skip
def test_failures_have_codes_and_name_the_request(
    answer: httpx.Response | Exception, code: int, says: str, run: Run, script: Script
) -> None:
    script.answers = [answer]
    ended, _, err = run("chatbots", "get", "nobody")
    assert ended == code
    assert says in err
    assert KEY not in err


@pytest.mark.usefixtures("logged_in")
def test_what_looks_like_markup_is_shown_as_it_is(run: Run, script: Script) -> None:
    error = {"message": "Not [bold] enough: tools[0].name", "param": None, "code": "no"}
    script.answers = [says({"error": error}, 400)]
    assert "Not [bold] enough: tools[0].name" in run("chatbots", "get", "a")[2]
    script.answers = [says({"id": "one", "object": "x", "deleted": True})]
    assert "Webhook/[red]ours[/] deleted\n" in run("delete", "Webhook", "[red]ours[/]", "-y")[1]


@pytest.mark.usefixtures("logged_in")
def test_a_list_is_a_table_or_data(run: Run, script: Script) -> None:
    script.answers = [page(BOT)]
    table = run("chatbots", "list")[1]
    assert table.splitlines()[0].split() == ["Name", "Title", "State", "Created", "at"]
    assert table.splitlines()[1].split() == ["my-chatbot", "Mine", "-", "-"]
    assert json.loads(run("chatbots", "list", "-o", "json")[1]) == [BOT]
    assert yaml.safe_load(run("chatbots", "list", "-o", "yaml")[1]) == [BOT]


@pytest.mark.usefixtures("logged_in")
def test_a_list_stops_at_its_limit(run: Run, script: Script) -> None:
    script.answers = [page(BOT, {**BOT, "id": "bot_2"}, more=True)]
    assert len(json.loads(run("chatbots", "list", "--limit", "3", "-o", "json")[1])) == 3


@pytest.mark.usefixtures("logged_in")
def test_a_chatbot_gets_another_name(run: Run, script: Script) -> None:
    script.answers = [says({**BOT, "name": "help-desk"})]
    ended, shown, _ = run("chatbots", "rename", "my-chatbot", "help-desk")
    assert (ended, "help-desk" in shown) == (0, True)
    (asked,) = script.asked
    assert (asked.method, asked.url.path) == ("PATCH", "/v1/chatbots/my-chatbot")
    assert json.loads(asked.content) == {"name": "help-desk"}


@pytest.mark.usefixtures("logged_in")
def test_nothing_is_deleted_without_a_yes(run: Run, script: Script) -> None:
    assert run("keys", "revoke", "key_1", typed="n\n")[0] == 1
    assert script.asked == []
    script.answers = [says({"id": "key_1", "object": "api_key.deleted", "deleted": True})]
    assert run("keys", "revoke", "key_1", "--yes")[0] == 0
    assert script.asked[0].method == "DELETE"


@pytest.mark.usefixtures("logged_in")
def test_chat_prints_the_answer_as_it_comes(run: Run, script: Script) -> None:
    piece = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [{"index": 0, "delta": {"content": "Hello [b]!"}}]}  # fmt: skip
    stream = httpx.Response(
        200, text=f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n",
        headers={"content-type": "text/event-stream"},
    )  # fmt: skip
    script.answers = [says(BOT), stream]
    assert run("chat", "my-chatbot", "Hi")[1] == "Hello [b]!\n"


@pytest.mark.usefixtures("logged_in")
def test_an_upload_sends_the_file(run: Run, script: Script, tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"a": 1}\n')
    script.answers = [says({"id": "file-1", "object": "file", "bytes": 9})]
    upload = ("files", "upload", str(tmp_path / "data.jsonl"), "--purpose", "batch", "-o", "json")
    assert json.loads(run(*upload)[1])["id"] == "file-1"
    assert b'filename="data.jsonl"' in script.asked[0].content
    assert b'{"a": 1}\n' in script.asked[0].content
    code, _, err = run("files", "upload", str(tmp_path / "missing"))
    assert code == failures.REFUSED
    assert "is no file" in err


@pytest.mark.usefixtures("logged_in")
@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("failed", 1)])
def test_a_job_is_followed_to_its_end(status: str, code: int, run: Run, script: Script) -> None:
    def batch(status: str, completed: int) -> httpx.Response:
        counts = {"completed": completed, "failed": 0, "total": 2}
        return says(
            {"id": "batch_1", "object": "batch", "status": status, "request_counts": counts}
        )

    script.answers = [batch("in_progress", 0), batch("in_progress", 1), batch(status, 2)]
    ended, out, _ = run("follow", "batch_1", "--every", "0.1")
    assert ended == code
    assert len(script.asked) == 3
    assert "2 answered, 0 failed of 2" in out
    assert run("follow", "what")[0] == failures.REFUSED


@pytest.mark.usefixtures("logged_in")
def test_usage_is_drawn_and_adds_up(run: Run, script: Script) -> None:
    line = {"requests": 2, "prompt_tokens": 1500, "cached_tokens": 0, "completion_tokens": 500,
            "cost_nano": 1}  # fmt: skip
    script.answers = [says({
        "object": "usage", "group_by": ["day"], "from": "2026-11-01", "to": "2026-11-03",
        "total_cost": "0.03", "total_cost_nano": 1,
        "data": [{**line, "day": "2026-11-01", "cost": "0.01"},
                 {**line, "day": "2026-11-02", "cost": "0.02"}],
    })]  # fmt: skip
    lines = run("usage", "--since", "2026-11-01")[1].splitlines()
    assert lines[1].split() == ["2026-11-01", "2", "2,000", "0.01", "█" * 15]
    assert lines[2].split() == ["2026-11-02", "2", "2,000", "0.02", "█" * 30]
    assert lines[3].split() == ["Total", "4", "4,000", "0.03"]
