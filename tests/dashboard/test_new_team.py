"""Every page opens for a team that has done nothing yet."""

import pytest
from django.test import Client

from inference import defaults
from tests.browser.pages import TEAM_PAGES
from tests.cast import Person

PAGES = {name: path for name, path in TEAM_PAGES.items() if not name.startswith("chatbot-")}


@pytest.mark.parametrize("name", [name for name in PAGES if name != "chatbot"])
def test_a_page_without_a_past_opens(name: str, as_ada: Client, ada: Person) -> None:
    defaults.ensure()
    answer = as_ada.get(f"/dashboard/{ada.organisation.slug}/{PAGES[name]}")
    assert answer.status_code == 200
