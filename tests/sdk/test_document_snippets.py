"""Every Python snippet of the three reference documents runs as written against a live server.

From outside comes a prelude only: key and address, aliases in the catalog, fixture files, jobs to
turn the pages of, imports and clients that a fragment leaves out, and the await at the top level.
"""

import ast
import asyncio
import inspect
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import openai
import pytest

import smarter
from tests.running import Tenant
from tests.sdk.conftest import JOBS
from tests.sdk.snippets import DOCUMENTS, Snippet, commands, loose_lines

LONG = 120.0  # seconds
LLAMA = "llama3:8b-instruct-q8_0"
ELLIPSIS = "the three dots stand for arguments that the reader fills in"

SNIPPETS = [
    Snippet("beezy stream", "beezy", "import beezy_ai", "print(event)"),
    Snippet("beezy create", "beezy", "import beezy_ai", "pass", nth=1),
    Snippet(
        "hiveops stream", "hiveops", "from openai import OpenAI",
        '        print(chunk.choices[0].delta.content, end="")',
    ),
    Snippet("hiveops json", "hiveops", "response = client.chat.completions.create(", ")"),
    Snippet("hiveops tools", "hiveops", "tools = [", ")"),
    Snippet("hiveops chat ui", "hiveops", "stream = client.chat.completions.create(", ")", nth=1),
    Snippet("hiveops retry", "hiveops", "import time", "            raise", no_program=ELLIPSIS),
    Snippet(
        "hiveops usage", "hiveops", "response = client.chat.completions.create(...)",
        'print(f"Estimated cost: ${response.usage.total_tokens / 1_000_000 * 0.01}")',
        no_program=ELLIPSIS,
    ),
    Snippet("hiveops max", "hiveops", "response = client.chat.completions.create(", ")", nth=2),
    Snippet("smarter prompt", "smarter", "import os", "print(chat)"),
    Snippet("smarter pages", "smarter", "from smarter import Smarter", "print(all_jobs)", nth=1),
    Snippet(
        "smarter next page", "smarter", "first_page = await client.fine_tuning.jobs.list(",
        'print(f"number of items we just fetched: {len(next_page.data)}")',
    ),
    Snippet("smarter nested", "smarter", "from smarter import Smarter", ")", nth=2),
    Snippet("smarter upload", "smarter", "from pathlib import Path", ")"),
    Snippet("smarter errors", "smarter", "import smarter", "print(e.response)"),
    Snippet(
        "smarter request id", "smarter", "response = await client.responses.create(",
        "print(response._request_id) # req_123",
    ),
    Snippet("smarter failed id", "smarter", "import smarter", "raise exc", nth=1),
    Snippet("smarter retries", "smarter", "from smarter import Smarter", ")", nth=5, ends=2),
    Snippet("smarter timeouts", "smarter", "from smarter import Smarter", ")", nth=6, ends=3),
    Snippet(
        "smarter missing", "smarter", "if response.my_field is None:",
        """print('Got json like {"my_field": null}.')""",
    ),
    Snippet("smarter http", "smarter", "import httpx", ")"),
    Snippet(
        "smarter with", "smarter", "from smarter import Smarter", "# HTTP client is now closed",
        nth=8,
    ),
    Snippet("smarter version", "smarter", "import smarter", "print(smarter.__version__)", nth=2),
]  # fmt: skip
RUNNING = [pytest.param(each, id=each.name) for each in SNIPPETS if not each.no_program]


class Answer(smarter.BaseModel):
    my_field: str | None = None


@pytest.fixture
def prelude(
    at_the_server: Tenant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[dict[str, Any]]:
    """What the documents leave to the reader."""
    key, url = at_the_server.api_key, at_the_server.url
    monkeypatch.setenv("API_KEY_AUTH", key)
    monkeypatch.chdir(tmp_path)
    turn = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    (tmp_path / "input.jsonl").write_text((json.dumps({"messages": turn}) + "\n") * 10)
    with openai.OpenAI(api_key=key, base_url=url) as client:
        yield {
            "client": client, "httpx": httpx, "Smarter": smarter.Smarter,
            "DefaultHttpxClient": smarter.DefaultHttpxClient,
            "messages": [{"role": "user", "content": "Hello!"}],
            "response": Answer.construct(my_field=None),
        }  # fmt: skip


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each call may wait for its answer, as told to the connection: on a busy machine it
    waits longer than a document's five seconds."""
    told: list[float] = []
    send = httpx2.HTTPTransport.handle_request

    def patiently(wire: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
        told.append(request.extensions["timeout"]["read"])
        request.extensions["timeout"] = dict.fromkeys(request.extensions["timeout"], LONG)
        return send(wire, request)

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", patiently)
    return told


@pytest.mark.parametrize("snippet", RUNNING)
def test_the_snippet_runs_as_written(
    snippet: Snippet,
    prelude: dict[str, Any],
    reader: Tenant,
    waited: list[float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = {**run(snippet.code, prelude, reader), "waited": waited}
    OUTCOMES.get(snippet.name, _ran)(known, capsys.readouterr().out)


def _ran(_known: dict[str, Any], _printed: str) -> None:
    """Nothing is shown by these: it is enough that they end."""


def _calls_for_the_weather(completion: Any) -> dict[str, str]:
    """The arguments that it calls with."""
    assert completion.choices[0].finish_reason == "tool_calls"
    (call,) = completion.choices[0].message.tool_calls
    assert call.function.name == "get_weather"
    given: dict[str, str] = json.loads(call.function.arguments)
    return given


def _calls_without_arguments(known: dict[str, Any], _printed: str) -> None:
    """The reference's `parameters` are empty, so nothing binds what stands in them."""
    assert isinstance(_calls_for_the_weather(known["res"]), dict)


def _calls_for_paris(known: dict[str, Any], _printed: str) -> None:
    assert _calls_for_the_weather(known["response"])["location"] == "Paris"


def _counted(_known: dict[str, Any], printed: str) -> None:
    assert printed.strip().rstrip(".") == "1, 2, 3, 4, 5"


def _streamed(_known: dict[str, Any], printed: str) -> None:
    assert printed.count("ChatCompletionEvent(") > 2


def _is_json(known: dict[str, Any], _printed: str) -> None:
    assert known["response"].choices[0].finish_reason == "stop"
    assert isinstance(json.loads(known["response"].choices[0].message.content), dict)


def _printed_the_answer(known: dict[str, Any], printed: str) -> None:
    assert printed.strip() == known["chat"].text != ""


def _printed_an_id(_known: dict[str, Any], printed: str) -> None:
    assert printed.startswith("req_")


def _listed_all(known: dict[str, Any], printed: str) -> None:
    assert len(known["all_jobs"]) == JOBS
    assert printed.splitlines()[-1].count("FineTuningJob(") == JOBS


def _turned_the_page(known: dict[str, Any], printed: str) -> None:
    last = known["first_page"].data[-1].id
    assert f"details: PageInfo(params={{'after': '{last}'}})" in printed
    assert f"number of items we just fetched: {JOBS - 20}" in printed


def _waits_for_five_seconds(known: dict[str, Any], _printed: str) -> None:
    assert known["waited"] == [5.0]


def _told_null(_known: dict[str, Any], printed: str) -> None:
    assert printed == 'Got json like {"my_field": null}.\n'


def _told_the_status(_known: dict[str, Any], printed: str) -> None:
    assert "Another non-200-range status code was received\n400" in printed


def _told_the_version(_known: dict[str, Any], printed: str) -> None:
    assert printed.strip() == smarter.__version__


OUTCOMES: dict[str, Callable[[dict[str, Any], str], None]] = {
    "beezy stream": _streamed,
    "beezy create": _calls_without_arguments,
    "hiveops stream": _counted,
    "hiveops json": _is_json,
    "hiveops tools": _calls_for_paris,
    "smarter prompt": _printed_the_answer,
    "smarter pages": _listed_all,
    "smarter next page": _turned_the_page,
    "smarter request id": _printed_an_id,
    "smarter timeouts": _waits_for_five_seconds,
    "smarter missing": _told_null,
    "smarter errors": _told_the_status,
    "smarter version": _told_the_version,
}


def run(code: str, prelude: dict[str, Any], reader: Tenant) -> dict[str, Any]:
    """Runs it with its names; with an asynchronous client where it awaits at the top level."""
    told = _addressed(code, reader)
    compiled = compile(told, "<snippet>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if not compiled.co_flags & inspect.CO_COROUTINE:
        exec(compiled, prelude)  # noqa: S102 - the documents' own programs
        return prelude

    async def awaited() -> None:
        async with smarter.AsyncSmarter() as client:
            prelude["client"] = client
            await eval(compiled, prelude)  # noqa: S307 - as above

    asyncio.run(awaited())
    return prelude


def _addressed(text: str, reader: Tenant) -> str:
    told = text.replace("https://ai.hiveops.io", reader.url)
    return told.replace("sk-YOUR-API-KEY", reader.api_key)


CURL_ANSWERS: list[Callable[[dict[str, Any]], bool]] = [
    lambda body: body["object"] == "chat.completion" and body["model"] == LLAMA,
    lambda body: body["object"] == "chat.completion" and body["model"] == LLAMA,
    lambda body: body["object"] == "text_completion",
    lambda body: body["object"] == "list" and LLAMA in [model["id"] for model in body["data"]],
    lambda body: LLAMA in body["aliases"] and body["context_window"] > 0,
]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("nth", range(len(CURL_ANSWERS)))
def test_the_curl_command_runs_as_written(nth: int, reader: Tenant) -> None:
    told = commands("hiveops")[nth].replace("curl ", "curl -sS --fail-with-body ", 1)
    command = ["bash", "-euc", _addressed(told, reader)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert CURL_ANSWERS[nth](json.loads(done.stdout)), done.stdout


def test_no_curl_command_of_the_documents_is_left_out() -> None:
    told = [line for path in DOCUMENTS.glob("*.txt") for line in path.read_text().splitlines()]
    assert len([line for line in told if "curl " in line]) == len(CURL_ANSWERS)
    assert len(commands("hiveops")) == len(CURL_ANSWERS)


@pytest.mark.parametrize("document", [path.stem for path in sorted(DOCUMENTS.glob("*.txt"))])
def test_no_python_of_the_documents_is_left_out(document: str) -> None:
    assert loose_lines(document, SNIPPETS) == []
    assert [each for each in SNIPPETS if each.document == document]


@pytest.mark.parametrize("snippet", [each for each in SNIPPETS if each.no_program], ids=str)
def test_what_cannot_run_is_not_run_for_the_reason_given(snippet: Snippet) -> None:
    assert snippet.no_program == ELLIPSIS
    assert "create(...)" in snippet.code
