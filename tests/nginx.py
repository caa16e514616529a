"""An nginx of a test's own, with the rules of compose.yaml, where the program is installed."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from tests.patience import PATIENCE
from tests.running import ROOT, free_port, wait_until

PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needed = pytest.mark.skipif(
    PROGRAM is None, reason="nginx is not installed (Debian, Ubuntu: apt install nginx-light)"
)
AROUND = """
{user} daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {rules}
}}
"""


def rules(port: int, webs: list[int]) -> str:
    """Those of compose.yaml; the names of containers are ports of this machine."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    text = str(compose["configs"]["proxy"]["content"]).replace("$$", "$")
    text, resolvers = re.subn(r"^resolver .*$", "", text, flags=re.MULTILINE)
    text, servers = re.subn(
        r"server web:8000 resolve(.*?);",
        lambda found: " ".join(f"server 127.0.0.1:{web}{found[1]};" for web in webs),
        text,
    )
    text, doors = re.subn(r"listen 80;", f"listen 127.0.0.1:{port};", text)
    assert (resolvers, servers, doors) == (1, 1, 1), "compose.yaml names them otherwise now"
    return text


@contextmanager
def before(webs: list[int], folder: Path) -> Iterator[str]:
    """The proxy's address."""
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""  # its workers read and write in `folder`
    file = folder / "nginx.conf"
    file.write_text(AROUND.format(user=user, folder=folder, rules=rules(port, webs)))
    with subprocess.Popen(
        [str(PROGRAM), "-p", folder, "-c", file, "-e", folder / "error.log"],
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _answers(url), PATIENCE, "nginx answers")
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        httpx.get(f"{url}/health/live")
    except httpx.TransportError:
        return False
    return True
