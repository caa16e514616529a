"""A page asks the database a bounded number of questions, however long its list is."""

from typing import Any

import pytest
from django.db import connection
from django.template import Context
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_cotton.templatetags import _component  # type: ignore[import-untyped]  # no stubs

from chatbots import making
from chatbots.author import SYSTEM
from tests.browser.pages import TEAM_PAGES
from tests.cast import Person

MOST = 26
FRAME = 10
"""Of a page that shows hardly more than what stands around every page."""


@pytest.mark.parametrize("path", [path for path in TEAM_PAGES.values() if "latency" not in path])
def test_a_page_with_rows_asks_few_questions(as_ada: Client, busy: Person, path: str) -> None:
    address = f"/dashboard/{busy.organisation.slug}/{path.replace('smarter-mini', 'tiny')}"
    as_ada.get(address)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        as_ada.get(address)
    assert len(asked) <= MOST, "\n".join(query["sql"][:120] for query in asked)


def test_what_stands_around_every_page_asks_few_questions(as_ada: Client, busy: Person) -> None:
    address = f"/dashboard/{busy.organisation.slug}/docs"
    as_ada.get(address)
    with CaptureQueriesContext(connection) as asked:
        as_ada.get(address)
    assert len(asked) <= FRAME, "\n".join(query["sql"][:120] for query in asked)


def test_rows_of_long_tables_are_no_components(
    as_ada: Client, busy: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[str] = []
    render = _component.CottonComponentNode.render

    def noted(node: Any, context: Context) -> Any:
        rendered.append(node.component_name)
        return render(node, context)

    def components(path: str) -> list[str]:
        rendered.clear()
        as_ada.get(f"/dashboard/{busy.organisation.slug}/{path}")
        return list(rendered)

    monkeypatch.setattr(_component.CottonComponentNode, "render", noted)
    before = components("chatbots")
    for n in range(5):
        making.create(busy.organisation.id, SYSTEM, f"bot-{n}", f"Bot {n}")
    assert components("chatbots") == before != []
    assert components("usage?days=90") == components("usage?days=7") != []
