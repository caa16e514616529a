"""What calls cost, as pages say it: a preview's sums, the ledger's lines, models in order."""

import re

import pytest
from django.test import Client

from billing import pricing
from billing.models import Hold
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
    assert language == "curl"
    assert page.context["chosen"].id in text
