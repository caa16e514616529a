"""Answers as they come: streamed, stopped, cited, rated, asked for once more."""

import re

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.fake_server import FakeServer

LONG = " ".join(f"word{number}" for number in range(60))


def test_an_answer_streams_and_stop_takes_the_place_of_send(visit: Visit, fake: FakeServer) -> None:
    fake.answers, fake.pace = lambda _: LONG, 0.03
    seen = visit().open()
    seen.ask("Tell me")
    seen.in_state("streaming")
    expect(seen.answers).to_contain_text("word3")
    assert "word59" not in seen.answers.inner_text()
    expect(seen.button("Stop")).to_be_visible()
    expect(seen.button("Send")).to_have_count(0)
    seen.ready()
    expect(seen.answers).to_have_text(LONG)
    expect(seen.button("Send")).to_be_visible()
    assert seen.complaints == []


def test_stop_keeps_what_was_written(visit: Visit, fake: FakeServer) -> None:
    fake.answers, fake.pace = lambda _: LONG, 0.03
    seen = visit().open()
    seen.ask("Tell me")
    expect(seen.answers).to_contain_text("word5")
    seen.button("Stop").click()
    seen.ready()
    expect(seen.panel.locator(".answer .cut-off")).to_have_text("Stopped")
    assert "word5" in seen.answers.inner_text()
    assert "word59" not in seen.answers.inner_text()
    assert fake.told[0].cancelled


def test_enter_sends_and_shift_enter_breaks_the_line(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    seen.box.press_sequentially("one")
    seen.box.press("Shift+Enter")
    seen.box.press_sequentially("two")
    seen.box.press("Enter")
    seen.ready()
    expect(seen.questions).to_have_text("one\ntwo")
    assert fake.told[0].question == "one\ntwo"


def test_nothing_is_sent_twice_by_an_impatient_hand(visit: Visit, fake: FakeServer) -> None:
    fake.pace = 0.1
    seen = visit().open()
    seen.box.fill("Once")
    seen.page.evaluate(
        """() => {
            const form = document.querySelector("chat-widget").shadowRoot.querySelector("form");
            form.requestSubmit(); form.requestSubmit(); form.requestSubmit();
        }"""
    )
    expect(seen.answers).to_contain_text("You said")
    assert [frame["input"] for frame in fake.frames("response.create")] == ["Once"]


def test_a_citation_opens_its_source(visit: Visit, fake: FakeServer) -> None:
    fake.answers = lambda _: "You have 60 days [1]. Boots have 30 [4]."
    fake.sources = [
        {"number": 1, "filename": "returns.md", "quote": "Within 60 days.", "page": 3},
        {"number": 4, "filename": "boots.md", "quote": "Boots: 30 days."},
    ]
    seen = visit().open()
    seen.ask("How long?")
    seen.ready()
    first = seen.button("Source 1: returns.md")
    expect(first).to_have_attribute("aria-expanded", "false")
    first.click()
    expect(seen.panel.locator(".source")).to_have_text(re.compile("returns.md, page 3.*Within 60"))
    seen.button("Source 4: boots.md").click()
    expect(seen.panel.locator(".source")).to_contain_text("Boots: 30 days.")
    expect(first).to_have_attribute("aria-expanded", "false")
    seen.button("Source 4: boots.md").click()
    expect(seen.panel.locator(".source")).to_be_hidden()


def test_sources_that_the_text_does_not_name_stand_beneath_it(
    visit: Visit, fake: FakeServer
) -> None:
    fake.answers = lambda _: "You have 60 days [7]."
    fake.sources = [{"file_id": "file_1", "filename": "returns.md", "quote": "Within 60 days."}]
    seen = visit().open()
    seen.ask("How long?")
    seen.ready()
    expect(seen.answers).to_have_text("You have 60 days [7].")
    expect(seen.panel.locator(".cites button")).to_have_text("1")


def test_a_thumb_is_sent_shown_and_can_be_taken_back(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    seen.ask("Hello")
    seen.ready()
    good = seen.button("Good answer")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "false")
    assert [frame["rating"] for frame in fake.frames("feedback.create")] == ["up", None]


def test_a_thumb_down_may_say_why(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    seen.ask("Hello")
    seen.ready()
    seen.button("Bad answer").click()
    field = seen.widget.get_by_role("textbox", name="What was wrong with it?")
    expect(field).to_be_focused()
    field.fill("Too short")
    field.press("Enter")
    expect(seen.panel).to_contain_text("Thank you.")
    assert fake.frames("feedback.create")[-1]["comment"] == "Too short"


def test_the_answer_is_copied_as_it_was_written(
    visit: Visit, fake: FakeServer, context: BrowserContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    fake.answers = lambda _: "**Sixty** days"
    seen = visit().open()
    seen.ask("How long?")
    seen.ready()
    seen.button("Copy answer").click()
    expect(seen.button("Copied")).to_be_visible()
    assert seen.page.evaluate("navigator.clipboard.readText()") == "**Sixty** days"


def test_answer_again_asks_the_same_once_more(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    seen.ask("Hello")
    seen.ready()
    seen.button("Answer again").click()
    expect(seen.answers).to_have_count(2)
    seen.ready()
    ids = [frame["event_id"] for frame in fake.frames("response.create")]
    assert len(set(ids)) == 2
    expect(seen.button("Answer again")).to_have_count(1)


def test_a_broken_answer_says_so_and_retry_replaces_it(visit: Visit, fake: FakeServer) -> None:
    fake.answers, fake.fails = lambda _: LONG, "engine_failed"
    fake.metadata = {"request_id": "req_8f2c41d7"}
    seen = visit().open()
    seen.ask("Tell me")
    seen.in_state("failed")
    expect(seen.notice).to_contain_text("The answer could not be finished.")
    expect(seen.notice).to_contain_text("req_8f2c41d7")
    expect(seen.panel.locator(".answer .cut-off")).to_have_text("Answer cut off here")
    seen.button("Retry").click()
    seen.ready()
    expect(seen.questions).to_have_count(1)
    expect(seen.answers).to_have_text(LONG)
    expect(seen.notice).to_be_hidden()
    broken, again = fake.told[0].id, fake.frames("response.create")[-1]
    assert (again["replaces"], again["event_id"]) == (broken, f"again-{broken}")


def test_a_new_chat_begins_empty(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    seen.ask("Hello")
    seen.ready()
    seen.button("New chat").click()
    expect(seen.answers).to_have_count(0)
    expect(seen.panel.locator(".asks")).to_be_visible()
    assert fake.frames("conversation.create")
    seen.ask("Again")
    expect(seen.answers).to_have_text("You said: Again")
    assert fake.frames("response.create")[-1]["conversation"] == "chat_2"


def test_what_it_cost_stands_under_a_preview_and_nowhere_else(
    visit: Visit, fake: FakeServer
) -> None:
    seen = visit().open()
    seen.ask("Hello")
    seen.ready()
    expect(seen.panel.locator(".reading")).to_be_hidden()
    fake.metadata = {"cost": "0.000123", "first_token_ms": "218", "request_id": "req_5b1e90ac"}
    seen.ask("And now")
    seen.ready()
    for words in ("$0.000123", "218 ms", "req_5b1e90ac", "9 in"):
        expect(seen.panel.locator(".reading").last).to_contain_text(words)


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        (
            "**bold** and *soft* and `code`",
            "<p><strong>bold</strong> and <em>soft</em> and <code>code</code></p>",
        ),
        ("snake_case_name and 2 * 3 * 4", "<p>snake_case_name and 2 * 3 * 4</p>"),
        ("# Title\n\ntext", "<h3>Title</h3><p>text</p>"),
        ("- one\n- two\n  - deeper", "<ul><li>one</li><li>two<ul><li>deeper</li></ul></li></ul>"),
        ("3. three\n4. four", '<ol start="3"><li>three</li><li>four</li></ol>'),
        ("> said\n> so", "<blockquote><p>said<br>so</p></blockquote>"),
        ("```py\na < b\n```", '<pre tabindex="0" aria-label="py"><code>a &lt; b</code></pre>'),
        ("a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"),
        (
            "| a | b |\n|---|---|\n| 1 | 2 |",
            '<div class="table" tabindex="0" role="group" aria-label="table"><table><thead><tr>'
            "<th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table></div>",
        ),
        ("~~gone~~ \\*kept\\*", "<p><del>gone</del> *kept*</p>"),
        ("**never closed", "<p>**never closed</p>"),
    ],
)  # fmt: skip
def test_markdown_becomes_what_it_means(
    visit: Visit, fake: FakeServer, markdown: str, html: str
) -> None:
    fake.answers = lambda _: markdown
    seen = visit().open()
    seen.ask("Show")
    seen.ready()
    assert seen.answers.evaluate("(node) => node.innerHTML") == html
