"""Chatbots, knowledge files and webhooks as manifests."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import pytest
import yaml

from accounts.models import WebhookEndpoint
from chatbots.models import Chatbot
from files import storage
from files.models import StoredFile
from manifests.kinds import KINDS
from tests.cast import Person
from tests.manifests.conftest import Apply, caller
from tests.manifests.test_applying import actions
from tests.running import ROOT

Commit = Callable[..., AbstractContextManager[list[Callable[..., Any]]]]

CHATBOT = """\
apiVersion: smarter.sh/v1
kind: Chatbot
metadata: {name: support}
spec:
  title: Support
  configuration:
    temperature: 0.3
    limits:
      messages: 5
"""
FILE = """\
apiVersion: smarter.sh/v1
kind: KnowledgeFile
metadata: {name: hours.md}
spec:
  text: |
    We are open from 9 to 17.
  chatbots: [support]
"""
WEBHOOK = """\
apiVersion: smarter.sh/v1
kind: Webhook
metadata: {name: our billing}
spec:
  url: https://93.184.216.34/hooks
  events: [balance.low]
"""


def described(person: Person, path: str) -> dict[str, Any]:
    answer = caller(person).get(f"/v1/manifests/{path}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_a_chatbot_is_made_published_and_found_unchanged(apply: Apply, ada: Person) -> None:
    status, body = apply(CHATBOT)
    assert status == 200, body
    assert actions(body) == ["created"]
    bot = Chatbot.objects.get(name="support")
    assert bot.live is not None
    assert bot.live.configuration["limits"]["messages"] == 5
    assert actions(apply(CHATBOT)[1]) == ["unchanged"]
    told = described(ada, "chatbot/support")
    assert actions(apply(told["yaml"])[1]) == ["unchanged"]
    assert Chatbot.objects.get(name="support").live == bot.live


def test_a_changed_chatbot_is_published_anew_unless_told_not_to(apply: Apply) -> None:
    apply(CHATBOT)
    _status, body = apply(CHATBOT.replace("0.3", "0.9") + "  publish: false\n")
    assert actions(body) == ["changed"]
    bot = Chatbot.objects.get(name="support")
    assert bot.live is not None
    assert (bot.draft["temperature"], bot.live.configuration["temperature"]) == (0.9, 0.3)
    assert "+publish: false" in body["data"][0]["diff"]
    apply(CHATBOT.replace("0.3", "0.9"))
    bot = Chatbot.objects.get(name="support")
    assert bot.live is not None
    assert (bot.live.number, bot.live.configuration["temperature"]) == (2, 0.9)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CHATBOT.replace("0.3", "9"), "a.yaml:7: spec.configuration.temperature: "),
        (CHATBOT.replace("messages: 5", "messages: 0"), "a.yaml:9: spec.configuration.limits."),
        (CHATBOT.replace("title", "titel"), "a.yaml:5: spec.titel: Unknown parameter"),
        (CHATBOT + "    tools: [{}]\n", "a.yaml:10: spec.configuration.tools.0.name: "),
        (CHATBOT.replace("support}", "Not A Name}"), "a.yaml:3: metadata.name: A chatbot's name"),
    ],
)  # fmt: skip
def test_a_wrong_chatbot_is_told_at_its_line(text: str, told: str, apply: Apply) -> None:
    status, body = apply(text)
    assert status == 400
    assert told in body["error"]["message"]
    assert not Chatbot.objects.exists()


def test_a_folder_with_a_file_for_a_chatbot_needs_no_order(apply: Apply, ada: Person) -> None:
    status, body = apply(FILE, CHATBOT)
    assert status == 200, body
    assert [each["kind"] for each in body["data"]] == ["Chatbot", "KnowledgeFile"]
    told = described(ada, "KnowledgeFile/hours.md")
    assert told["manifest"]["spec"]["chatbots"] == ["support"]
    assert yaml.safe_load(told["yaml"]) == told["manifest"]
    assert actions(apply(told["yaml"])[1]) == ["unchanged"]
    assert actions(apply(FILE)[1]) == ["unchanged"]


def test_another_text_replaces_the_file(
    apply: Apply, ada: Person, django_capture_on_commit_callbacks: Commit
) -> None:
    apply(CHATBOT, FILE)
    before = StoredFile.objects.get(filename="hours.md")
    assert actions(apply(FILE.replace("17", "18"), dry_run=True)[1]) == ["changed"]
    assert StoredFile.objects.get(filename="hours.md") == before
    with django_capture_on_commit_callbacks(execute=True):
        assert actions(apply(FILE.replace("17", "18"))[1]) == ["changed"]
    after = StoredFile.objects.get(filename="hours.md")
    assert after.sha256 != before.sha256
    assert not storage.storage().exists(before.storage_name)
    assert storage.open_file(after.storage_name).read() == b"We are open from 9 to 18.\n"
    assert described(ada, "KnowledgeFile/hours.md")["manifest"]["spec"]["chatbots"] == ["support"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_is_taken_back_leaves_the_bytes_as_they_were(
    dry_run: bool, apply: Apply, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Commit,
) -> None:  # fmt: skip
    apply(CHATBOT, FILE)
    kept = StoredFile.objects.get(filename="hours.md")
    monkeypatch.setattr(storage, "new_name", lambda: "2026-11/new")
    written = mock.Mock(wraps=storage.write)
    monkeypatch.setattr(storage, "write", written)
    bad = [] if dry_run else [WEBHOOK.replace("https://93.184.216.34", "http://127.0.0.1")]
    with django_capture_on_commit_callbacks(execute=True):
        status, _body = apply(FILE.replace("17", "18"), *bad, dry_run=dry_run)
    assert (status, written.call_count) == (200 if dry_run else 400, 1)
    assert storage.open_file(kept.storage_name).read() == b"We are open from 9 to 17.\n"
    assert not storage.storage().exists("2026-11/new")


def test_a_file_without_content_or_for_a_stranger_s_chatbot_is_refused(
    apply: Apply, mallory: Person
) -> None:
    apply(CHATBOT)
    status, body = apply(FILE, by=mallory)
    assert status == 400
    assert body["error"]["message"].startswith("a.yaml:7: spec.chatbots.0: No chatbot has this")
    status, body = apply(FILE.replace("  text: |\n    We are open from 9 to 17.\n", ""))
    assert status == 400
    assert "contentFrom" in body["error"]["message"]


def test_a_webhook_shows_its_secret_once(apply: Apply, ada: Person) -> None:
    status, body = apply(WEBHOOK)
    assert status == 200, body
    assert body["data"][0]["secrets"]["secret"].startswith("whsec_")
    assert actions(apply(WEBHOOK)[1]) == ["unchanged"]
    assert actions(apply(WEBHOOK + "  enabled: false\n")[1]) == ["changed"]
    assert WebhookEndpoint.objects.get().enabled is False
    assert caller(ada).delete("/v1/manifests/Webhook/our billing").status_code == 200
    assert not WebhookEndpoint.objects.exists()


def test_a_chatbot_is_deleted_by_its_own_organisation(
    apply: Apply, ada: Person, mallory: Person
) -> None:
    apply(CHATBOT)
    assert caller(mallory).delete("/v1/manifests/Chatbot/support").status_code == 404
    assert caller(ada).delete("/v1/manifests/Chatbot/support").status_code == 200
    assert not Chatbot.objects.exists()


def test_all_kinds_are_small_declarations() -> None:
    files = list((ROOT / "platform/manifests/kinds").glob("*.py"))
    assert len(files) == len(KINDS) + 1
    assert sum(len(file.read_text().splitlines()) for file in files) <= 400
