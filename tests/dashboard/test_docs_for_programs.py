"""Programs that read: /llms.txt names every guide, and each is there as it was written."""

import re

from django.test import Client

from dashboard import guides


def test_every_guide_is_named_and_there_as_markdown(db: None) -> None:
    client = Client()
    answer = client.get("/llms.txt")
    assert answer.headers["Content-Type"].startswith("text/markdown")
    told = answer.content.decode()
    assert told.startswith("# Smarter\n\n> ")
    links = re.findall(r"\]\(http://testserver(\S+?)\)", told)
    assert len(links) == len(guides.guides()) + 1
    for link in links:
        assert client.get(link).status_code == 200, link
    written = (guides.FOLDER / "sdks.md").read_text()
    assert client.get("/docs/guides/sdks.md").content.decode() == written


def test_a_page_that_is_no_guide_is_not_read_from_the_disk(db: None) -> None:
    for name in ("nothing", "..", "%2e%2e%2fREADME", "pictures"):
        assert Client().get(f"/docs/guides/{name}.md").status_code == 404
