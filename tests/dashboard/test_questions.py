"""A page asks the database a bounded number of questions, however long its list is."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.browser.pages import TEAM_PAGES
from tests.cast import Person

MOST = 26


@pytest.mark.parametrize("path", [path for path in TEAM_PAGES.values() if "latency" not in path])
def test_a_page_with_rows_asks_few_questions(as_ada: Client, busy: Person, path: str) -> None:
    address = f"/dashboard/{busy.organisation.slug}/{path.replace('smarter-mini', 'tiny')}"
    as_ada.get(address)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        as_ada.get(address)
    assert len(asked) <= MOST, "\n".join(query["sql"][:120] for query in asked)
