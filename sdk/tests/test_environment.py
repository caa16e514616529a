"""What comes from the environment: ours does, OpenAI's never does; keys are never logged."""

import asyncio
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import openai
import pytest

import smarter
from beezy_ai import BeezyAI
from sdk.tests.conftest import COMPLETION, KEY, Script, says

THEIRS = {
    "OPENAI_API_KEY": "sk-theirs-1", "OPENAI_ADMIN_KEY": "sk-theirs-2",
    "OPENAI_ORG_ID": "org-theirs", "OPENAI_PROJECT_ID": "proj-theirs",
    "OPENAI_WEBHOOK_SECRET": "whsec_theirs", "OPENAI_BASE_URL": "http://theirs.test/v1",
    "OPENAI_CUSTOM_HEADERS": "X-Theirs: theirs\nAuthorization: Bearer sk-theirs-3",
}  # fmt: skip


@pytest.mark.parametrize("ask", ["sync", "async", "beezy"])
def test_nothing_of_openai_reaches_our_server(
    ask: str, monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    for name, value in THEIRS.items():
        monkeypatch.setenv(name, value)
    {"sync": by_waiting, "async": by_awaiting, "beezy": by_beezy}[ask](script)
    assert script.asked
    for request in script.asked:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.url.host == "127.0.0.1"
        assert "theirs" not in str(request.headers).lower()
        assert not [name for name in request.headers if name.startswith("openai-")]


def by_waiting(script: Script) -> None:
    http = smarter.DefaultHttpxClient(transport=httpx.MockTransport(script))
    first = smarter.Smarter(api_key=KEY, http_client=http)
    assert first.webhook_secret == ""
    for client in (first, first.with_options(timeout=3), first.with_options(max_retries=0)):
        client.chat.completions.create(model="m", messages=[])
        client.files.create(file=("a.txt", b"a"), purpose="user_data")


def by_awaiting(script: Script) -> None:
    async def go() -> None:
        http = smarter.DefaultAsyncHttpxClient(transport=httpx.MockTransport(script.later))
        async with smarter.AsyncSmarter(api_key=KEY, http_client=http) as first:
            for client in (first, first.with_options(timeout=3)):
                await client.chat.completions.create(model="m", messages=[])

    asyncio.run(go())


def by_beezy(script: Script) -> None:
    http = smarter.DefaultHttpxClient(transport=httpx.MockTransport(script))
    BeezyAI(api_key_auth=KEY, http_client=http).chat.create(request={"model": "m", "messages": []})


def test_we_know_every_variable_that_the_transport_reads() -> None:
    """A new one in a new version of it: see that it does not reach our server."""
    files = Path(openai.__file__).parent.rglob("*.py")
    asked = re.compile(r'environ\.get\(\s*"(OPENAI_\w+)"')
    read = {name for file in files for name in asked.findall(file.read_text())}
    of_azure_and_logs = {"OPENAI_API_TYPE", "OPENAI_API_VERSION", "OPENAI_LOG"}
    assert read == {*THEIRS, *of_azure_and_logs}


def test_their_key_is_no_substitute_for_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-theirs")
    monkeypatch.delenv("SMARTER_API_KEY", raising=False)
    for client in (smarter.Smarter, smarter.AsyncSmarter):
        with pytest.raises(smarter.SmarterError, match="SMARTER_API_KEY"):
            client()


def test_key_and_address_are_read_from_our_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTER_API_KEY", KEY)
    monkeypatch.setenv("SMARTER_BASE_URL", "http://elsewhere.test:8083/v1")
    for client in (smarter.Smarter(), smarter.AsyncSmarter()):
        assert client.api_key == KEY
        assert str(client.base_url) == "http://elsewhere.test:8083/v1/"


def test_headers_of_the_caller_are_sent(script: Script) -> None:
    http = smarter.DefaultHttpxClient(transport=httpx.MockTransport(script))
    client = smarter.Smarter(api_key=KEY, http_client=http, default_headers={"X-Mine": "1"})
    client.with_options(timeout=3).chat.completions.create(model="m", messages=[])
    assert script.asked[0].headers["x-mine"] == "1"


def test_no_line_of_the_log_has_the_key(
    script: Script, client: smarter.Smarter, caplog: pytest.LogCaptureFixture
) -> None:
    script.answers = [httpx.Response(503, json={}), says(COMPLETION)]
    with caplog.at_level(logging.DEBUG):
        client.chat.completions.create(model="m", messages=[])
    assert len(caplog.records) > 3
    assert KEY not in caplog.text


@pytest.mark.parametrize(("level", "says_so"), [("info", True), ("debug", True), ("", False)])
def test_the_log_is_turned_on_by_our_variable(level: str, says_so: bool) -> None:
    code = "import logging, smarter; print(logging.getLogger('openai').isEnabledFor(logging.INFO))"
    kept = {name: value for name, value in os.environ.items() if name != "OPENAI_LOG"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "SMARTER_LOG": level}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(says_so)
