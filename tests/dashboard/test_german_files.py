"""What is wrong with somebody's file is said in their language on pages, in English by the API."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.cast import Person

GERMAN = {"accept-language": "de"}
CALL = {"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": {}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &b 1", "Zeile 1: Anker und Aliase werden nicht angenommen. Schreiben Sie es aus."),
        ("welcome: Hi\nwelcome: Ho", "Zeile 2: welcome: Dieses Feld steht zweimal da."),
        ("welcome: [1", "Zeile 1: Kein YAML: es fehlt ein &#x27;,&#x27; oder &#x27;]&#x27;."),
        ("welcome: Hi\ncolour: red", "Zeile 2: Unbekannter Parameter: &#x27;colour&#x27;."),
    ],
)
def test_a_wrong_yaml_is_told_in_german(as_ada: Client, ada: Person, text: str, said: str) -> None:
    file = SimpleUploadedFile("shop.yaml", text.encode())
    path = f"/dashboard/{ada.organisation.slug}/chatbots/import"
    page = as_ada.post(path, {"file": file}, headers=GERMAN)
    assert page.status_code == 400
    assert said in page.text


@pytest.mark.parametrize(
    ("line", "german", "english"),
    [
        ("[]", "Zeile 2: sie ist kein JSON-Objekt.", "Line 2: it is not a JSON object."),
        ("{", "Zeile 2: Der Inhalt ist kein gültiges JSON: es fehlt ein Name", "Line 2: The body"),
        (
            json.dumps(CALL | {"custom_id": "b", "method": "GET"}),
            "Zeile 2: `method` muss &quot;POST&quot; sein.",
            'Line 2: `method` must be "POST".',
        ),
    ],
)
def test_a_wrong_line_is_told_in_german_and_by_the_api_in_english(
    as_ada: Client, ada: Person, line: str, german: str, english: str
) -> None:
    text = f"{json.dumps(CALL)}\n{line}\n".encode()
    page = as_ada.post(
        f"/dashboard/{ada.organisation.slug}/files/new",
        {"file": SimpleUploadedFile("calls.jsonl", text), "purpose": "batch"},
        headers=GERMAN,
    )
    assert page.status_code == 422
    assert german in page.text
    told = Client().post(
        "/v1/files",
        {"file": SimpleUploadedFile("calls.jsonl", text), "purpose": "batch"},
        headers={**GERMAN, "authorization": f"Bearer {ada.key}"},
    )
    assert told.status_code == 400
    assert told.json()["error"]["message"].startswith(english)
