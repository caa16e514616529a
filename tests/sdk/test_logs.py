"""No line of any log has a key: neither the library's, however much it tells, nor the server's."""

import os
import subprocess
import sys

import httpx

from tests.running import Server, Tenant

PROGRAM = """
import smarter
client = smarter.Smarter()
client.chat.completions.create(
    model="smarter-mini", messages=[{"role": "user", "content": "Count to 3"}]
)
try:
    client.chat.completions.create(model="no-such-model", messages=[])
except smarter.APIStatusError:
    client.resources.api_keys.list()
"""


def test_no_log_has_the_key(server: Server, at_the_server: Tenant) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, "SMARTER_LOG": "debug"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    wrong = "sk-" + "x" * 42
    httpx.get(f"{server.url}/v1/models?key={wrong}", headers={"Authorization": f"Bearer {wrong}"})
    assert done.stderr.count("request_id: req_") == 3
    logs = "".join(file.read_text(errors="replace") for file in server.data.rglob("*.log"))
    assert logs
    for key in (at_the_server.api_key, wrong):
        assert key not in done.stderr + done.stdout
        assert key not in logs
