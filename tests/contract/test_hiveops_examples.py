"""The HiveOps reference's examples run as written, but for the key and the base URL.

Not here: the examples with response_format or tools (they need a later part of the product), and
the fragments with a literal `create(...)`, which are no programs.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.running import Server, Tenant

HIVEOPS = "https://ai.hiveops.io"
LLAMA = "llama3:8b-instruct-q8_0"

CURL_CHAT_SHORT = """
curl https://ai.hiveops.io/chat/completions \\
  -H "Authorization: Bearer sk-YOUR-API-KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "llama3:8b-instruct-q8_0", "messages": [{"role": "user", "content": "Hello!"}]}'
"""

CURL_CHAT = """
curl https://ai.hiveops.io/chat/completions \\
  -H "Content-Type: application/json" \\
  -H "Authorization: Bearer sk-YOUR-API-KEY" \\
  -d '{
    "model": "llama3:8b-instruct-q8_0",
    "messages": [
      {
        "role": "system",
        "content": "You are a helpful assistant that speaks like a pirate."
      },
      {
        "role": "user",
        "content": "Tell me about the ocean."
      }
    ],
    "temperature": 0.7,
    "max_tokens": 500
  }'
"""

CURL_COMPLETION = """
curl https://ai.hiveops.io/completions \\
  -H "Content-Type: application/json" \\
  -H "Authorization: Bearer sk-YOUR-API-KEY" \\
  -d '{
    "model": "llama3:8b-instruct-q8_0",
    "prompt": "Once upon a time",
    "max_tokens": 50
  }'
"""

CURL_MODELS = """
curl https://ai.hiveops.io/models \\
  -H "Authorization: Bearer sk-YOUR-API-KEY"
"""

CURL_MODEL_INFO = """
curl "https://ai.hiveops.io/model/info?model=llama3:8b-instruct-q8_0" \\
  -H "Authorization: Bearer sk-YOUR-API-KEY"
"""

PYTHON_CLIENT = """
from openai import OpenAI

client = OpenAI(
    api_key="sk-YOUR-API-KEY",
    base_url="https://ai.hiveops.io"
)
"""

PYTHON_STREAM = """
stream = client.chat.completions.create(
    model="llama3:8b-instruct-q8_0",
    messages=[{"role": "user", "content": "Count to 5"}],
    stream=True
)

for chunk in stream:
    if chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="")
"""

PYTHON_MAX_TOKENS = """
messages = [{"role": "user", "content": "Hello!"}]
response = client.chat.completions.create(
    model="llama3:8b-instruct-q8_0",
    messages=messages,
    max_tokens=500  # Limit response length
)
print(response.choices[0].message.content)
print(f"Tokens used: {response.usage.total_tokens}")
print(f"Estimated cost: ${response.usage.total_tokens / 1_000_000 * 0.01}")
"""


@pytest.fixture(scope="module")
def hive(server: Server, ada: Tenant) -> Iterator[Tenant]:
    """Ada's organisation, while the reference's model id is another name of the built-in model."""
    server.manage("models", "alias", LLAMA, "smarter-mini")
    yield ada
    server.manage("models", "alias", "--remove", LLAMA)


def run_curl(example: str, tenant: Tenant) -> dict[str, object]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed; the examples are curl commands")
    script = example.replace(HIVEOPS, tenant.url).replace("sk-YOUR-API-KEY", tenant.api_key)
    done = subprocess.run(
        ["bash", "-c", script.replace("curl ", "curl -sS --fail-with-body ", 1)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    body: dict[str, object] = json.loads(done.stdout)
    return body


def run_python(example: str, tenant: Tenant) -> str:
    script = example.replace(HIVEOPS, tenant.url).replace("sk-YOUR-API-KEY", tenant.api_key)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", [CURL_CHAT_SHORT, CURL_CHAT])
def test_the_chat_examples_answer(hive: Tenant, example: str) -> None:
    body = run_curl(example, hive)
    assert body["object"] == "chat.completion"
    assert body["model"] == LLAMA
    assert str(body["id"]).startswith("chatcmpl-")


def test_the_completion_example_answers(hive: Tenant) -> None:
    body = run_curl(CURL_COMPLETION, hive)
    assert body["object"] == "text_completion"


def test_the_models_example_lists_the_alias(hive: Tenant) -> None:
    body = run_curl(CURL_MODELS, hive)
    assert body["object"] == "list"
    assert isinstance(body["data"], list)
    assert LLAMA in [model["id"] for model in body["data"]]


def test_the_model_info_example_tells_window_and_price(hive: Tenant) -> None:
    body = run_curl(CURL_MODEL_INFO, hive)
    assert isinstance(body["context_window"], int)


def test_the_streaming_example_prints_the_count(hive: Tenant) -> None:
    printed = run_python(PYTHON_CLIENT + PYTHON_STREAM, hive)
    assert printed.strip().rstrip(".") == "1, 2, 3, 4, 5"


def test_the_token_examples_print_the_usage(hive: Tenant) -> None:
    assert "Tokens used: " in run_python(PYTHON_CLIENT + PYTHON_MAX_TOKENS, hive)
