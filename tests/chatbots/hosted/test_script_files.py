"""The widget's script over HTTP: for any page, kept five minutes, or pinned by its hash."""

import base64
import gzip
import hashlib

from django.test import Client

from chatbots.hosted import script

OWN = "/widget/v1/chat.js"


def test_any_page_may_load_the_script_and_keeps_it_for_five_minutes(client: Client) -> None:
    answer = client.get(OWN)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Cache-Control"] == "public, max-age=300"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.content == (script.FOLDER / "chat.js").read_bytes()
    assert not answer.cookies


def test_it_travels_compressed_to_those_who_can_unpack_it(client: Client) -> None:
    answer = client.get(OWN, headers={"Accept-Encoding": "gzip, br"})
    assert answer["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer["Vary"]
    assert gzip.decompress(answer.content) == client.get(OWN).content


def test_what_has_not_changed_is_not_sent_again(client: Client) -> None:
    tag = client.get(OWN)["ETag"]
    again = client.get(OWN, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""
    assert client.get(OWN, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_pinned_address_is_these_bytes_or_nothing(client: Client) -> None:
    told = client.get("/widget/v1/chat.json").json()
    answer = client.get(told["pinned_url"])
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    digest = hashlib.sha384(answer.content).digest()
    assert told["integrity"] == f"sha384-{base64.b64encode(digest).decode()}"
    assert client.get("/widget/v1/chat.0123456789abcdef.js").status_code == 404


def test_the_hosted_page_brings_a_script_of_its_own(client: Client) -> None:
    answer = client.get("/widget/v1/hosted.js")
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert b"user_token" in answer.content


def test_only_reading_is_offered(client: Client) -> None:
    assert client.post(OWN).status_code == 405
    assert client.head(OWN).status_code == 200
