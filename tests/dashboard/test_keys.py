"""Keys that lead through the pages: each letter once, and told on a sheet."""

from django.test import Client

from dashboard.navigation import ENTRIES
from tests.cast import Person


def test_no_two_pages_have_the_same_letter() -> None:
    letters = [entry.key for entry in ENTRIES]
    assert len(set(letters)) == len(letters)
    assert all(len(letter) == 1 and letter not in "gn/?" for letter in letters)


def test_the_sheet_tells_the_keys_of_pages_that_the_role_may_open(
    as_ada: Client, as_ben: Client, ada: Person
) -> None:
    page = f"/dashboard/{ada.organisation.slug}/status"
    for client, may_write in ((as_ada, True), (as_ben, False)):
        text = client.get(page).text
        sheet = text.split('id="keys"')[1]
        assert ("<kbd>k</kbd>" in sheet) is may_write  # API keys
        assert ('data-keys="g k"' in text) is may_write
        assert (
            f'{ada.organisation.slug}/chatbots/new" data-keys="n"' in " ".join(sheet.split())
        ) is may_write
        assert "<kbd>d</kbd>" in sheet
