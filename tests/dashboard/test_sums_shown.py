"""What calls cost, as pages say it: a preview's sums, the ledger's lines, models in order."""

import re
from itertools import pairwise

import pytest
from django.test import Client

from billing import pricing
from billing.models import Hold, Price
from chatbots.models import Chatbot, Conversation, Message
from inference import prices
from inference.models import ServedModel
from tests.cast import Person

TAGS = re.compile(r"<[^>]+>|\s+")


def words(page: str) -> str:
    return " ".join(TAGS.sub(" ", page).split())


def test_a_preview_sums_each_answer_and_names_its_run(as_ada: Client, busy: Person) -> None:
    mine = Hold.objects.all().for_organisation(busy.organisation.id)
    hold = mine.filter(state="settled", chatbot_id__isnull=False).latest("closed_at")
    bot = Chatbot.objects.get(pk=hold.chatbot_id)
    chat = Conversation.objects.create(
        organisation=busy.organisation, chatbot=bot, messages_count=2,
        cost_nano=hold.charged + 5_000,
    )  # fmt: skip
    Message.objects.create(
        organisation=busy.organisation, conversation=chat, place=2, role="assistant", text="Hi",
        response_id=hold.id.replace("gen_", "resp_"), cost_nano=hold.charged,
    )  # fmt: skip
    team = f"/dashboard/{busy.organisation.slug}"
    page = as_ada.get(f"{team}/chatbots/{bot.name}/chat?conversation={chat.pk}").text
    request_id = hold.id.replace("gen_", "req_")
    assert f'href="{team}/runs/{request_id}"' in page
    assert as_ada.get(f"{team}/runs/{request_id}").status_code == 200
    rate = pricing.usd_per_million(hold.price.output)
    told = f"{hold.completion_tokens:,} out at ${float(rate):.3f} / M"
    assert told in words(page)
    assert "Earlier answers $0.00000 5" in words(page)


def shown_nano(text: str) -> int:
    """Of an amount as a page has it."""
    return pricing.nano(TAGS.sub("", text).replace("\N{MINUS SIGN}", "-").replace("+", "")
                        .replace("$", "").replace(",", ""))  # fmt: skip


def column(page: str, name: str) -> list[int]:
    """What the cells of a column show, its foot as the last."""
    return [
        shown_nano(cell) for cell in re.findall(rf'data-name="{name}">(.*?)</td>', page, re.DOTALL)
    ]


def pairs(page: str) -> list[int]:
    """The amounts of a list of pairs, its total as the last."""
    told = re.findall(r"<dd[^>]*>\s*(<span class=\"money\">.*?</span>)\s*</dd>", page, re.DOTALL)
    return [shown_nano(amount) for amount in told]


def test_what_the_ledger_shows_adds_up_to_what_stands_under_it(
    as_ada: Client, busy: Person
) -> None:
    page = as_ada.get(f"/dashboard/{busy.organisation.slug}/billing?kind=usage")
    assert any(line.amount % 1000 for line in page.context["page"].rows), "none is finer"
    ledger = page.text.partition("</tfoot>")[0]
    *rows, total = column(ledger, "Amount")
    assert len(rows) > 10
    assert sum(rows) == total == page.context["total"]
    after = column(ledger, "After")
    assert [newer - older for newer, older in pairwise(after)] == rows[:-1]


def test_the_cost_of_days_and_models_adds_up_in_the_table_of_usage(
    as_ada: Client, busy: Person
) -> None:
    page = as_ada.get(f"/dashboard/{busy.organisation.slug}/usage?metric=cost&by=model&days=30")
    table = re.search(r"<tbody>.*</tfoot>", page.text, re.DOTALL)
    assert table
    rows = [
        [
            shown_nano(cell) if "$" in cell else 0
            for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)
        ]
        for row in table.group().split("<tr")[1:]
    ]
    assert all(sum(row[:-1]) == row[-1] for row in rows)
    *days, total = rows
    assert [sum(figures) for figures in zip(*days, strict=True)] == total


@pytest.mark.parametrize("cached", [0, 7])
def test_the_lines_of_a_call_add_up_to_its_charge(
    as_ada: Client, busy: Person, cached: int
) -> None:
    mine = Hold.objects.all().for_organisation(busy.organisation.id)
    hold = mine.filter(state="settled").select_related("price").latest("closed_at")
    price = pricing.Price(1_001, 501, 1_001)  # each line alone would be rounded up
    Price.objects.filter(pk=hold.price_id).update(
        input=price.input, cached_input=price.cached_input, output=price.output
    )
    charged = pricing.charge(price, 13, cached, 3)
    mine.filter(pk=hold.pk).update(
        prompt_tokens=13, cached_tokens=cached, completion_tokens=3, charged=charged
    )
    page = as_ada.get(f"/dashboard/{busy.organisation.slug}/runs/{hold.id}").text
    *lines, total = pairs(page)
    assert len(lines) == (3 if cached else 2)
    assert sum(lines) == total == charged


def test_the_answers_of_a_conversation_add_up_to_its_cost(as_ada: Client, busy: Person) -> None:
    costs = [41_400, 41_400, 41_400]
    chat = Conversation.objects.create(
        organisation=busy.organisation, chatbot=Chatbot.objects.all()[0], messages_count=3,
        cost_nano=sum(costs),
    )  # fmt: skip
    for place, nano in enumerate(costs):
        Message.objects.create(
            organisation=busy.organisation, conversation=chat, place=place, role="assistant",
            text="Hi", cost_nano=nano,
        )  # fmt: skip
    page = as_ada.get(f"/dashboard/{busy.organisation.slug}/conversations/{chat.pk}/talk").text
    told = re.findall(r'<span class="money">.*?</span>', page)
    assert [shown_nano(amount) for amount in told] == [sum(costs), *costs]


def test_what_a_failed_call_is_forgiven_stands_among_its_lines(
    as_ada: Client, busy: Person
) -> None:
    mine = Hold.objects.all().for_organisation(busy.organisation.id)
    hold = mine.filter(state="settled").latest("closed_at")
    mine.filter(pk=hold.pk).update(state="voided", charged=0)
    page = as_ada.get(f"/dashboard/{busy.organisation.slug}/runs/{hold.id}").text
    *lines, total = pairs(page)
    assert "Forgiven" in page
    assert sum(lines) == total == 0


def test_the_ledger_names_the_chatbot_and_how_was_paid(as_ada: Client, busy: Person) -> None:
    ledger = f"/dashboard/{busy.organisation.slug}/billing"
    calls = as_ada.get(f"{ledger}?kind=usage").context
    titles = dict(Chatbot.objects.values_list("pk", "title"))
    for line in calls["page"].rows:
        title = titles.get(line.hold.chatbot_id)
        named = f"{title}, {line.hold.model}" if title else line.hold.model
        assert calls["purposes"][line.id] == named
    assert any(", " in purpose for purpose in calls["purposes"].values())
    paid = as_ada.get(f"{ledger}?kind=top-ups").context
    assert set(paid["purposes"].values()) == {"Test payment: no money moved"}


def test_a_call_is_found_in_the_ledger_by_any_of_its_ids(as_ada: Client, busy: Person) -> None:
    mine = Hold.objects.all().for_organisation(busy.organisation.id)
    hold = mine.filter(state="settled", charged__gt=0).latest("closed_at")
    for said in (hold.id, hold.id.replace("gen_", "req_"), hold.id.removeprefix("gen_")):
        found = as_ada.get(f"/dashboard/{busy.organisation.slug}/billing", {"q": said})
        assert {line.hold_id for line in found.context["page"].rows} == {hold.id}
    nothing = as_ada.get(f"/dashboard/{busy.organisation.slug}/billing", {"q": "gen_other"})
    assert not nothing.context["page"].rows


@pytest.fixture
def models(ada: Person) -> None:
    up, gone = ServedModel.State.INSTALLED, ServedModel.State.NOT_INSTALLED
    for name, state in (("a-absent", gone), ("ft:b:trained", up), ("z-working", up)):
        ServedModel.objects.create(
            id=name, engine="scripted:", context_window=64, capabilities=["chat"], state=state
        )
        prices.set_price(name, pricing.Price(60_000, 60_000, 180_000))


@pytest.mark.usefixtures("models")
def test_models_that_work_come_first_and_none_that_was_trained_is_preset(
    as_ada: Client, ada: Person
) -> None:
    page = as_ada.get(f"/dashboard/{ada.organisation.slug}/models")
    shown = [one.id for one in page.context["models"]]
    mine = [name for name in shown if name in {"a-absent", "ft:b:trained", "z-working"}]
    assert mine == ["z-working", "ft:b:trained", "a-absent"]
    assert page.context["chosen"].id != "ft:b:trained"
    assert "$0.060" in page.text
    [(language, text)] = page.context["snippets"]
    assert language == "Python"
    assert page.context["chosen"].id in text


@pytest.mark.usefixtures("models")
def test_a_day_of_a_model_costs_what_its_two_lines_say(as_ada: Client, ada: Person) -> None:
    prices.set_price("fine", pricing.Price(1_500, 1_500, 1_500))
    ServedModel.objects.filter(pk="z-working").update(id="fine")
    query = "model=fine&calls=1&into=1&out=1"
    page = as_ada.get(f"/dashboard/{ada.organisation.slug}/models?{query}")
    assert pairs(page.text) == [2, 1, 3]
