"""Whatever a model writes, the page of its visitor runs nothing and asks nobody."""

import pytest
from playwright.sync_api import expect

from tests.browser.widget import sites
from tests.browser.widget.conftest import Visit
from tests.browser.widget.fake_server import FakeServer

CORPUS = [
    "<script>window.run = 1</script>",
    '<img src=x onerror="window.run = 1">',
    "<svg onload=window.run=1><script>window.run=1</script></svg>",
    '<iframe src="javascript:parent.run=1"></iframe>',
    '<a href="javascript:window.run=1">press</a>',
    "<style>@import url(CANARY/style.css)</style>",
    "<link rel=stylesheet href=CANARY/l.css><base href=CANARY/>",
    "<form action=CANARY/form><button>go</button></form>",
    "<object data=CANARY/o><embed src=CANARY/e>",
    "<video src=CANARY/v autoplay><audio src=CANARY/a autoplay>",
    "<details open ontoggle=window.run=1>x</details>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.run=1>",
    "![pixel](CANARY/pixel.png)",
    "![pixel][ref]\n\n[ref]: CANARY/ref.png",
    "[![inner](CANARY/inner.png)](javascript:window.run=1)",
    "[press](javascript:window.run=1)",
    "[press](JaVaScRiPt:window.run=1)",
    "[press](java\tscript:window.run=1)",
    "[press](&#106;avascript:window.run=1)",
    "[press](\\x01javascript:window.run=1)",
    "[press](<javascript:window.run=1>)",
    "[press](data:text/html,<script>opener.run=1</script>)",
    "[press](vbscript:msgbox)",
    "[press](blob:CANARY/1)",
    "[press](file:///etc/passwd)",
    "[press](//CANARY/x)",
    "<javascript:window.run=1>",
    "<data:text/html,x>",
    '[press](https://ok.example "x" onmouseover="window.run=1")',
    '[a](https://ok.example/"onmouseover=window.run=1//)',
    "`<img src=x onerror=window.run=1>`",
    "```html\n<script>window.run=1</script>\n```",
    '```" onclick="window.run=1\nx\n```',
    "| <img src=x onerror=window.run=1> | b |\n|---|---|\n| [p](javascript:window.run=1) | x |",
    "> <script>window.run=1</script>",
    "- <img src=CANARY/list.png>",
    "# <img src=CANARY/heading.png onerror=window.run=1>",
    "**<b onclick=window.run=1>x</b>**",
    "{{constructor.constructor('window.run=1')()}}",
    "${window.run=1}",
    "\u202ejavascript:window.run=1",
    "[x](https://ok.example/\u202e//gpj.exe)",
    "]]><![CDATA[<script>window.run=1</script>]]>",
    "<!--><script>window.run=1</script>-->",
]
# Each is a few kilobytes that a careless parser would read a million times.
SLOW = [
    "*a " * 3000, "[" * 8000, "`" * 4001 + "a" * 4000, "![" * 4000, "> " * 4000, "- " * 4000,
    "**a*" * 2000, "_a " * 3000, "~~" * 4000, "[a](" * 2000, "<" * 8000, "|" * 8000 + "\n|-|",
    "(" * 8000, "https://" + "a." * 4000, "\\" * 8001, "1. " * 3000, " " * 8000 + "x",
]  # fmt: skip


def test_nothing_in_an_answer_runs_and_nothing_in_it_is_asked_for(
    visit: Visit, fake: FakeServer, site: sites.Site
) -> None:
    """On a page without a policy, so that it is the widget that is safe and not its page."""
    canary = sites.Site()
    fake.answers = lambda question: CORPUS[int(question)].replace("CANARY", canary.url)
    seen = visit(path="/bare")
    site.pages["/bare"] = (site.pages["/bare"][0], "")
    seen.page.reload()
    seen.open()
    for number in range(len(CORPUS)):
        seen.ask(str(number))
        expect(seen.answers).to_have_count(number + 1)
        seen.ready()
    for link in seen.answers.locator("a").all():
        assert (link.get_attribute("href") or "").startswith(("https://", "http://", "mailto:"))
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    for element in seen.answers.locator("button, b, img").all():
        element.dispatch_event("click")
    seen.page.wait_for_timeout(300)
    assert seen.page.evaluate("window.run") is None
    assert canary.asked == []
    assert "x/form" not in "".join(site.asked)
    odd = "img, svg, script, style, iframe, form, object, embed, video, audio, link, base, details"
    assert seen.answers.locator(odd).count() == 0
    attributes = seen.answers.evaluate_all(
        """(boxes) => [...new Set(boxes.flatMap((box) => [...box.querySelectorAll("*")])
            .flatMap((node) => node.getAttributeNames()))].sort()"""
    )
    assert set(attributes) <= {
        "aria-label", "class", "href", "rel", "role", "start", "tabindex", "target",
    }  # fmt: skip
    canary.close()


def test_what_visitors_chatbots_and_sources_write_is_text_too(
    visit: Visit, fake: FakeServer
) -> None:
    evil = "<img src=x onerror=window.run=1>"
    fake.chatbot |= {"name": evil, "welcome": evil, "suggested_prompts": [evil], "disclosure": evil}
    fake.chatbot["theme"] = {"accent": "red; } * { background: url(/x) } :host {", "radius": "x"}
    fake.answers = lambda _: "See [1]."
    fake.sources = [{"file_id": "f", "filename": evil, "quote": evil}]
    seen = visit().open()
    expect(seen.widget.get_by_role("heading", name=evil)).to_be_visible()
    seen.ask(evil)
    seen.ready()
    seen.panel.locator("cite button").click()
    expect(seen.panel.locator(".source")).to_contain_text("onerror")
    assert seen.page.evaluate("window.run") is None
    assert seen.panel.locator("img").count() == 0
    assert seen.complaints == []


@pytest.mark.parametrize("text", SLOW, ids=lambda text: text[:8].strip())
def test_no_answer_makes_the_page_wait(visit: Visit, fake: FakeServer, text: str) -> None:
    fake.answers = lambda _: "ready"
    seen = visit().open()
    seen.ask("first")
    seen.ready()
    fake.answers, fake.in_words = lambda _: text, False
    seen.page.evaluate(
        """() => {
            window.longest = 0;
            new PerformanceObserver((list) => {
                const times = list.getEntries().map((task) => task.duration);
                window.longest = Math.max(window.longest, ...times);
            }).observe({ type: "longtask" });
        }"""
    )
    seen.ask("go")
    seen.ready()
    assert seen.page.evaluate("window.longest") < 1000
