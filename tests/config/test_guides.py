"""docs/ as pages: each is served, names no inline code, and leads only to what is there."""

import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from dashboard import guides
from tests.doc_blocks import pages


def get(address: str) -> str:
    answer = Client().get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


@pytest.fixture(params=[page.stem for page in pages()])
def page(request: pytest.FixtureRequest) -> str:
    return get(f"/docs/guides/{request.param}/")


def test_every_page_of_docs_is_served_and_listed() -> None:
    listed = get("/docs/guides/")
    for page in pages():
        title = page.read_text().splitlines()[0].removeprefix("# ")
        assert f'<a href="/docs/guides/{page.stem}/">{title}</a>' in listed
        assert f"<title>{title} · Smarter</title>" in get(f"/docs/guides/{page.stem}/")


def test_a_page_needs_no_inline_script_or_style(page: str) -> None:
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page)


def test_no_head_of_a_table_is_empty(page: str) -> None:
    assert not re.search(r"<th[^>]*></th>", page)


def test_what_a_page_links_to_is_there(page: str) -> None:
    for address in set(re.findall(r'(?:href|src)="([^"]+)"', page)):
        target, _mark, place = address.partition("#")
        if target.startswith("/static/"):
            assert finders.find(target.removeprefix("/static/").partition("?")[0]), target
        elif target.startswith("../"):
            linked = get("/docs/guides/" + target.removeprefix("../"))
            assert not place or f'id="{place}"' in linked, address
        elif target.startswith("/"):
            get(target)
        elif not target:
            assert f'id="{place}"' in page, address


def test_a_page_that_is_none_is_not_found() -> None:
    for name in ("nothing", "README", "..%2f..%2fsecret"):
        assert Client().get(f"/docs/guides/{name}/").status_code == 404


def test_markup_in_a_page_is_only_text() -> None:
    guide = guides.read("x", "# A\n\nB\n\n<script>alert(1)</script>\n\n```python\n<b>&\n```\n")
    assert "<script>" not in guide.body
    assert "&lt;b&gt;&amp;" in guide.body


def test_a_code_block_says_whether_it_was_executed() -> None:
    guide = guides.read("x", "# A\n\nB\n\n```go shown\nx\n```\n\n```bash run openai\ny\n```\n")
    assert "<figcaption>Go · not executed here</figcaption>" in guide.body
    assert "<figcaption>Shell · executed in our tests</figcaption>" in guide.body


def test_links_between_pages_become_addresses_and_others_stay() -> None:
    assert guides.address("errors.md#retry") == "../errors/#retry"
    assert guides.address("errors.md") == "../errors/"
    assert guides.address("#retry") == "#retry"
    assert guides.address("https://example.com/x.md") == "https://example.com/x.md"


def test_the_lead_is_the_first_paragraph_in_one_line() -> None:
    assert guides.read("x", "# A\n\nWhat it\nis `for`.\n\nMore.\n").lead == "What it is for."
