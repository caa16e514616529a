"""A visitor with two tabs has one conversation."""

from playwright.sync_api import BrowserContext, expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.fake_server import FakeServer

LONG = " ".join(f"word{number}" for number in range(40))


def test_both_tabs_show_the_same_question_and_the_same_growing_answer(
    visit: Visit, fake: FakeServer, context: BrowserContext
) -> None:
    fake.answers, fake.pace = lambda _: LONG, 0.03
    one = visit().open()
    two = visit(on=context.new_page()).open()
    one.ask("From the first")
    expect(two.questions).to_have_text("From the first")
    expect(two.answers).to_contain_text("word5")
    expect(two.button("Stop")).to_be_visible()
    for tab in (one, two):
        tab.ready()
        expect(tab.answers).to_have_text(LONG)
    two.ask("From the second")
    expect(one.questions).to_have_text(["From the first", "From the second"])
    expect(one.answers).to_have_count(2)


def test_a_tab_that_comes_in_the_middle_reads_from_the_beginning(
    visit: Visit, fake: FakeServer, context: BrowserContext
) -> None:
    fake.answers, fake.pace = lambda _: LONG, 0.05
    one = visit().open()
    one.ask("Early")
    expect(one.answers).to_contain_text("word5")
    late = visit(on=context.new_page())
    late.launcher.click()
    expect(late.answers).to_contain_text("word0 word1")
    late.ready()
    expect(late.answers).to_have_text(LONG)
    expect(late.questions).to_have_count(1)


def test_stop_in_one_tab_stops_the_answer_in_both(
    visit: Visit, fake: FakeServer, context: BrowserContext
) -> None:
    fake.answers, fake.pace = lambda _: LONG, 0.05
    one = visit().open()
    two = visit(on=context.new_page()).open()
    one.ask("Go")
    expect(two.answers).to_contain_text("word3")
    two.button("Stop").click()
    one.ready()
    two.ready()
    assert "word39" not in fake.told[0].written
    for tab in (one, two):
        expect(tab.answers).to_have_text(fake.told[0].written)
