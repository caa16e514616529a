"""Files: how far they are read and by whom, what a question finds, who loses what."""

import re
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chatbots import files as attached
from chatbots import making
from chatbots.author import SYSTEM
from chatbots.models import Chatbot
from files import receiving
from files.models import StoredFile
from files.receiving import Incoming
from knowledge import ingesting, tasks
from knowledge.models import Status, StoreFile
from tests.cast import Person
from tests.dashboard.conftest import signed_in
from tests.knowledge.conftest import Inline

TEXT = b"# Returns\n\nYou have 60 days from delivery to send boots back.\n"


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "wake", lambda: None)
    monkeypatch.setattr(ingesting, "Pool", Inline)


@pytest.fixture
def base(ada: Person) -> str:
    return f"/dashboard/{ada.organisation.slug}"


@pytest.fixture
def bot(ada: Person) -> Chatbot:
    return making.create(ada.organisation.id, SYSTEM, "support", "Support desk")


@pytest.fixture
def returns(ada: Person) -> StoredFile:
    return stored(ada, "returns.md")


def stored(person: Person, name: str) -> StoredFile:
    incoming = Incoming(BytesIO(TEXT), name, len(TEXT), "assistants")
    return receiving.receive(person.organisation.id, incoming)


def read(chatbot: Chatbot, file: StoredFile) -> StoreFile:
    ingesting.work()
    return attached.find(chatbot, file.id)


def page(client: Client, path: str) -> str:
    answer: Any = client.get(path)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


def test_a_file_of_the_library_is_attached_read_cited_and_detached(
    as_ada: Client, base: str, bot: Chatbot, returns: StoredFile
) -> None:
    build = f"{base}/chatbots/support/"
    assert f'<option value="{returns.id}">' in page(as_ada, build)
    as_ada.post(f"{build}files", {"file_id": returns.id})
    shown = page(as_ada, build)
    assert "Queued" in shown
    assert 'hx-trigger="every 2s"' in shown
    read(bot, returns)
    shown = page(as_ada, f"{build}files")
    assert "1 chunk" in shown
    assert "Ready" in shown
    assert "every 2s" not in shown
    listed = page(as_ada, f"{base}/files")
    assert "Support desk" in listed
    as_ada.post(f"{build}files/{returns.id}/detach")
    assert "Support desk" not in page(as_ada, f"{base}/files")


def test_a_new_file_is_uploaded_and_attached_at_once(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    file = SimpleUploadedFile("shipping.md", TEXT)
    answer = as_ada.post(
        f"{base}/chatbots/support/files", {"file": file}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 201
    assert [use.file.filename for use in attached.attached(bot)] == ["shipping.md"]
    empty = SimpleUploadedFile("empty.md", b"")
    answer = as_ada.post(
        f"{base}/chatbots/support/files", {"file": empty}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 422
    assert b'<p role="alert">The file is empty.' in answer.content


def test_a_question_finds_chunks_with_scores_and_their_places(
    as_ada: Client, as_ben: Client, base: str, bot: Chatbot, returns: StoredFile
) -> None:
    attached.attach(bot, returns.id)
    chunk = read(bot, returns).chunks.get()
    path = f"{base}/files/{returns.id}"
    shown = page(as_ada, f"{path}?ask=How+many+days+for+boots")
    assert f'href="{path}?chunk={chunk.pk}#chunk-{chunk.pk}"' in shown
    assert f'id="chunk-{chunk.pk}"' in shown
    assert "<b>0." in shown
    assert "without a source" in page(as_ada, f"{path}?ask=zzz")
    assert as_ben.get(path).status_code == 403


def test_a_failed_file_says_why_and_is_read_again(
    as_ada: Client, base: str, bot: Chatbot, returns: StoredFile
) -> None:
    attached.attach(bot, returns.id)
    failed = {"status": Status.FAILED, "error_message": "No text found."}
    StoreFile.objects.filter(file_id=returns.id).update(**failed)
    listed = page(as_ada, f"{base}/files?state=failed")
    assert "No text found." in listed
    assert as_ada.post(f"{base}/files/{returns.id}/retry").status_code == 302
    assert attached.find(bot, returns.id).status == Status.IN_PROGRESS
    assert "returns.md" not in page(as_ada, f"{base}/files?state=failed")


def test_the_library_is_narrowed_to_a_purpose_that_is_there(
    as_ada: Client, base: str, ada: Person, returns: StoredFile
) -> None:
    pairs = Incoming(BytesIO(TEXT), "asked.md", len(TEXT), "user_data")
    receiving.receive(ada.organisation.id, pairs)
    chips = re.findall(r'<a class="chip"[^>]*>(.*?)</a>', page(as_ada, f"{base}/files"))
    assert chips == ["Knowledge 1", "Questions about it 1", "Failed 0"]
    narrowed = page(as_ada, f"{base}/files?purpose=user_data")
    assert "asked.md" in narrowed
    assert "returns.md" not in narrowed


def test_upload_is_a_button_of_the_form_that_needs_no_script(as_ada: Client, base: str) -> None:
    shown = page(as_ada, f"{base}/files")
    buttons = re.findall(r"<button[^>]*>", shown.split("</h1>")[1].split("<form")[0])
    assert [("submit" in each, 'form="upload"' in each) for each in buttons] == [(True, True)]
    form = shown.split('id="upload"')[1].split("</form>")[0]
    assert 'type="file"' in form
    assert "<button" not in form


def test_who_deletes_a_file_reads_which_chatbots_lose_it(
    as_ada: Client, base: str, bot: Chatbot, returns: StoredFile
) -> None:
    assert "Nothing uses it now." in page(as_ada, f"{base}/files/{returns.id}")
    as_ada.post(f"{base}/files/{returns.id}/attach", {"chatbot": "support"})
    dialog = page(as_ada, f"{base}/files/{returns.id}").split("Delete this file?")[1]
    assert "These chatbots lose what they know from it" in dialog
    assert "Support desk" in dialog
    as_ada.post(f"{base}/files/{returns.id}/delete")
    assert attached.attached(bot) == []


def test_a_stranger_finds_no_file_and_attaches_none(
    as_ada: Client, base: str, bot: Chatbot, returns: StoredFile, mallory: Person
) -> None:
    own, theirs = f"/dashboard/{mallory.organisation.slug}", signed_in(mallory)
    assert theirs.get(f"{own}/files/{returns.id}").status_code == 404
    for verb in ("delete", "retry", "attach"):
        assert theirs.post(f"{own}/files/{returns.id}/{verb}").status_code == 404, verb
    making.create(mallory.organisation.id, SYSTEM, "evil", "Evil")
    theirs.post(f"{own}/chatbots/evil/files", {"file_id": returns.id})
    assert not StoreFile.objects.filter(file_id=returns.id).exists()
    foreign = stored(mallory, "foreign.md")
    as_ada.post(f"{base}/chatbots/support/files", {"file_id": foreign.id})
    assert attached.attached(bot) == []
