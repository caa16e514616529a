"""What no page of ours sends is refused in words, and is no fault of the server's."""

import pytest
from django.test import Client

from chatbots import making
from chatbots.author import SYSTEM
from tests.cast import Person


@pytest.fixture
def bot(ada: Person) -> str:
    """The address of a chatbot's pages."""
    name = making.create(ada.organisation.id, SYSTEM, "support").name
    return f"/dashboard/{ada.organisation.slug}/chatbots/{name}"


@pytest.mark.parametrize("cursor", ["abc", "\N{SUPERSCRIPT TWO}", "1.5", "9" * 30, "%ED%A0%80"])
def test_a_cursor_that_is_no_number_is_unknown(as_ada: Client, bot: str, cursor: str) -> None:
    assert as_ada.get(f"{bot}/versions?after={cursor}").status_code == 400


@pytest.mark.parametrize("file_id", ["", "x" * 1000, "\0"])
def test_a_file_that_cannot_be_is_not_attached(as_ada: Client, bot: str, file_id: str) -> None:
    answer = as_ada.post(f"{bot}/files", {"file_id": file_id}, follow=True)
    assert answer.status_code == 200
    assert "file_id" in answer.content.decode()


@pytest.mark.parametrize(
    "day", ["0001-01-01", "0001-01-31", "9999-12-31", "9" * 30, "\N{SUPERSCRIPT TWO}"]
)
@pytest.mark.parametrize("end", ["from", "to"])
def test_a_day_that_no_calendar_of_ours_has_is_refused(
    as_ada: Client, ada: Person, end: str, day: str
) -> None:
    usage = f"/dashboard/{ada.organisation.slug}/usage"
    assert as_ada.get(usage, {end: day}).status_code == 400
    assert (
        as_ada.get(
            "/v1/usage", {end: day}, headers={"authorization": f"Bearer {ada.key}"}
        ).status_code
        == 400
    )


def test_an_address_that_somebody_mistypes_is_a_page_and_for_a_program_stays_json(
    client: Client, db: None
) -> None:
    typed = client.get("/chatbotz", headers={"sec-fetch-dest": "document"})
    called = client.get("/chatbotz")
    assert (typed.status_code, called.status_code) == (404, 404)
    assert "There is nothing here" in typed.content.decode()
    assert called.json()["error"]["code"] == "not_found"
