"""The HiveOps reference's examples run as written, but for the key and the base URL.

Not here: the fragments with a literal `create(...)`, which are no programs. The Beezy reference's
examples are asked as chat completions (its `random_seed` is our `seed`).
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.running import Server, Tenant

HIVEOPS = "https://ai.hiveops.io"
LLAMA = "llama3:8b-instruct-q8_0"
BEEZY = "beezy-small-latest"

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


PYTHON_JSON_MODE = """
response = client.chat.completions.create(
    model="llama3:8b-instruct-q8_0",
    messages=[
        {"role": "system", "content": "You are a helpful assistant that outputs JSON."},
        {"role": "user", "content": "List 3 colors in JSON format."}
    ],
    response_format={"type": "json_object"}
)
"""

PYTHON_FUNCTION_CALLING = """
tools = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the current weather for a location",
            "parameters": {
                "type": "object",
                "properties": {
                    "location": {
                        "type": "string",
                        "description": "City name, e.g., San Francisco"
                    },
                    "unit": {
                        "type": "string",
                        "enum": ["celsius", "fahrenheit"]
                    }
                },
                "required": ["location"]
            }
        }
    }
]

response = client.chat.completions.create(
    model="llama3:8b-instruct-q8_0",
    messages=[{"role": "user", "content": "What's the weather in Paris?"}],
    tools=tools
)
"""

BEEZY_JSON: dict[str, Any] = {
    "model": "beezy-small-latest",
    "messages": [
        {"role": "user", "content": "Who is the best French painter? Answer in JSON."},
    ],
    "response_format": {"type": "json_object"},
    "max_tokens": 512,
    "seed": 1337,
}

BEEZY_TOOLS: dict[str, Any] = {
    "model": "beezy-small-latest",
    "messages": [{"role": "user", "content": "What is the weather like in Paris?"}],
    "max_tokens": 64,
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "Get the current weather in a given location.",
                "parameters": {},
            },
        },
    ],
    "tool_choice": "auto",
    "seed": 1337,
}

SHOW = """
print(response.choices[0].to_json())
"""


@pytest.fixture(scope="module")
def hive(server: Server, ada: Tenant) -> Iterator[Tenant]:
    """Ada's organisation, while the references' model ids are names of the built-in model."""
    for alias in (LLAMA, BEEZY):
        server.manage("models", "alias", alias, "smarter-mini")
    yield ada
    for alias in (LLAMA, BEEZY):
        server.manage("models", "alias", "--remove", alias)


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


def test_the_json_mode_example_gives_an_object(hive: Tenant) -> None:
    choice = json.loads(run_python(PYTHON_CLIENT + PYTHON_JSON_MODE + SHOW, hive))
    assert choice["finish_reason"] == "stop"
    assert isinstance(json.loads(choice["message"]["content"]), dict)


def test_the_function_calling_example_asks_for_the_weather_of_paris(hive: Tenant) -> None:
    choice = json.loads(run_python(PYTHON_CLIENT + PYTHON_FUNCTION_CALLING + SHOW, hive))
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"])["location"] == "Paris"


def test_the_beezy_example_streams_json(hive: Tenant) -> None:
    chunks = list(hive.client().chat.completions.create(stream=True, **BEEZY_JSON))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert isinstance(json.loads(text), dict)


def test_the_beezy_example_with_tools_calls_get_weather(hive: Tenant) -> None:
    choice = hive.client().chat.completions.create(**BEEZY_TOOLS).choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = json.loads(choice.to_json())["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert isinstance(json.loads(call["function"]["arguments"]), dict)
