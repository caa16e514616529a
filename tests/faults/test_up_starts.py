"""What `manage.py up` says when it starts, and when it cannot."""

import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.processes import living, refused
from tests.running import Server

SECOND_START_SECONDS = 5.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("starts") / "data", copies=False).start()
    yield server
    server.stop()


def test_the_one_line_has_everything_that_a_program_needs(site: Server) -> None:
    assert set(site.told) == {
        "url", "email", "password", "api_key", "chatbot", "publishable_key",
    }  # fmt: skip
    assert site.told["url"] == site.url
    assert site.told["chatbot"] == "guide"
    assert site.told["publishable_key"].startswith("pk-")


def test_the_key_opens_the_api_and_the_demo_organisation_has_credit(site: Server) -> None:
    headers = {"Authorization": f"Bearer {site.told['api_key']}"}
    assert httpx.get(f"{site.url}/v1/me", headers=headers).status_code == 200
    assert httpx.get(f"{site.url}/v1/balance", headers=headers).json()["available"] == "10.00"


def test_the_login_opens_the_administration(site: Server) -> None:
    with httpx.Client(base_url=site.url, follow_redirects=True) as browser:
        browser.get("/admin/login/")
        page = browser.post(
            "/admin/login/?next=/admin/",
            data={
                "username": site.told["email"],
                "password": site.told["password"],
                "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            },
        )
    assert (page.status_code, page.url.path) == (200, "/admin/")


def test_credentials_and_secret_key_are_for_their_owner_only(site: Server) -> None:
    for name in ("credentials.json", "secret_key"):
        assert stat.S_IMODE((site.data / name).stat().st_mode) == 0o600


def test_a_second_copy_on_the_same_data_folder_says_so(site: Server) -> None:
    copy = Server(site.data)
    sentence = refused(copy)
    assert str(site.data) in sentence
    assert str(site.process.pid if site.process else "") in sentence
    assert site.ready()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = Server(tmp_path / "data", port=taken.getsockname()[1])
        assert f"Port {server.port} is taken" in refused(server)
    assert living(server.data) == {}


def test_a_number_that_is_no_port_is_refused(tmp_path: Path) -> None:
    assert "ports go from 1 to 65535" in refused(Server(tmp_path / "data", port=99_999))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgres://nobody:secret-word@127.0.0.1:1/none", "DATABASE_URL leads to no database"),
        ("mysql://localhost/x", "DATABASE_URL must begin with postgres://"),
    ],
)
def test_a_wrong_database_url_is_named_without_its_password(
    tmp_path: Path, url: str, words: str
) -> None:
    sentence = refused(Server(tmp_path / "data"), DATABASE_URL=url)
    assert words in sentence
    assert "secret-word" not in sentence


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "cannot be used" in refused(Server(tmp_path / "file" / "data"))


def test_production_refuses_to_start_without_its_secrets(tmp_path: Path) -> None:
    sentence = refused(Server(tmp_path / "data"), SMARTER_ENV="production")
    assert "SECRET_KEY" in sentence


def test_a_later_start_is_quick_and_prints_the_same_login_and_key(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    first, kept = server.told, (server.data / "credentials.json").read_text()
    assert any(started_again(server) < allowed() for _ in range(3)), "it is slow each time"
    server.stop()

    assert server.told == first
    assert json.loads(kept) == {name: first[name] for name in ("email", "password", "api_key")}


def started_again(server: Server) -> float:
    """How long it took."""
    server.stop()
    begun = time.monotonic()
    server.start()
    return time.monotonic() - begun


def allowed() -> float:
    """Other tests wait for the same processors."""
    return SECOND_START_SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
