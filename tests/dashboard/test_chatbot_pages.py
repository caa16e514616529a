"""Pages of chatbots: made in one step, edited as a draft, published, compared, taken back."""

import re

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import AuditEntry
from chatbots import making
from chatbots.models import Chatbot, Version
from tests.cast import Person
from tests.dashboard.conftest import signed_in

Form = dict[str, str]


@pytest.fixture
def base(ada: Person) -> str:
    return f"/dashboard/{ada.organisation.slug}"


@pytest.fixture
def bot(as_ada: Client, base: str) -> Chatbot:
    as_ada.post(f"{base}/chatbots/new", {"title": "Support", "template": "support"})
    made: Chatbot = Chatbot.objects.get(name="support")
    return made


def live(bot: Chatbot) -> Version:
    """What visitors meet now."""
    bot.refresh_from_db()
    assert bot.live is not None
    return bot.live


def build_form(bot: Chatbot, **changes: str) -> Form:
    bot.refresh_from_db()
    draft = bot.draft
    return {
        "seen": bot.draft_changed_at.isoformat(),
        "model": "",
        "system_prompt": draft["system_prompt"],
        "temperature": str(draft["temperature"]),
        "top_p": str(draft["top_p"]),
        "max_output_tokens": str(draft["max_output_tokens"]),
        "welcome": draft["welcome"],
        "suggested_prompts": "\n".join(draft["suggested_prompts"]),
        "stop": "",
        "knowledge__top_k": "4",
        "response_format": "text",
        "tools": "",
        **changes,
    }


def test_a_name_is_enough_for_a_chatbot_that_answers(as_ada: Client, base: str) -> None:
    answer = as_ada.post(f"{base}/chatbots/new", {"title": "Über uns", "template": "support"})
    assert answer.status_code == 302
    made = Chatbot.objects.get(title="Über uns")
    assert answer["Location"] == f"{base}/chatbots/{made.name}/"
    assert live(made).number == 1
    assert "customers" in made.draft["system_prompt"]
    page = as_ada.get(answer["Location"]).content.decode()
    assert f'<chat-widget mode="inline" bot="{made.name}" preview="' in page


def test_a_name_that_is_taken_is_said_at_its_field(as_ada: Client, base: str, bot: Chatbot) -> None:
    form = {"title": "Another", "name": bot.name, "template": "blank"}
    answer = as_ada.post(f"{base}/chatbots/new", form)
    assert answer.status_code == 422
    assert b"Another chatbot of yours has this name." in answer.content
    assert b'value="Another"' in answer.content


def test_visitors_meet_the_draft_when_it_is_published(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    page = f"{base}/chatbots/{bot.name}"
    assert as_ada.post(f"{page}/", build_form(bot, temperature="1.5")).status_code == 302
    bot.refresh_from_db()
    assert (live(bot).configuration["temperature"], bot.draft["temperature"]) == (0.3, 1.5)
    compared = as_ada.get(f"{page}/versions").content.decode()
    assert "\N{MINUS SIGN} <del>0.3</del>" in compared
    assert "+ <ins>1.5</ins>" in compared
    assert "<td>Temperature</td>" in compared
    as_ada.post(f"{page}/publish", {"note": "Warmer"})
    assert (live(bot).number, live(bot).note) == (2, "Warmer")
    as_ada.post(f"{page}/versions/1/publish")
    assert live(bot).number == 1
    as_ada.post(f"{page}/versions/1/restore")
    bot.refresh_from_db()
    assert bot.draft["temperature"] == 0.3
    assert AuditEntry.objects.filter(action="chatbot.published").count() == 3


def test_a_wrong_value_stands_at_its_field_and_the_text_is_kept(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    form = build_form(bot, max_output_tokens="9", system_prompt="Mine {{visitor.shoe}}")
    answer = as_ada.post(f"{base}/chatbots/{bot.name}/", form)
    assert answer.status_code == 422
    assert b"Mine {{visitor.shoe}}" in answer.content
    assert b"greater than or equal to 16" in answer.content
    answer = as_ada.post(f"{base}/chatbots/{bot.name}/", {**form, "max_output_tokens": "16"})
    assert answer.status_code == 422
    assert b"is unknown; there are" in answer.content


def test_a_draft_that_was_changed_elsewhere_is_not_overwritten(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    old = build_form(bot, welcome="Mine")
    making.change(bot, configuration={"welcome": "Theirs"})
    answer = as_ada.post(f"{base}/chatbots/{bot.name}/", old)
    assert answer.status_code == 409
    assert b"was changed elsewhere" in answer.content
    assert b"Mine</textarea>" in answer.content  # what was typed is still there
    bot.refresh_from_db()
    assert bot.draft["welcome"] == "Theirs"
    part = as_ada.post(f"{base}/chatbots/{bot.name}/", old, headers={"HX-Request": "true"})
    assert f'name="seen" value="{old["seen"]}"' in part.content.decode()  # and is refused again
    over = bot.draft_changed_at.isoformat()
    assert as_ada.post(f"{base}/chatbots/{bot.name}/", old | {"over": over}).status_code == 302
    bot.refresh_from_db()
    assert bot.draft["welcome"] == "Mine"


def test_tools_are_json_whose_mistakes_are_named_with_their_line(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    page = f"{base}/chatbots/{bot.name}"
    broken = '[{"type": "function",\n  "name": "find" "x"}]'
    answer = as_ada.post(f"{page}/", build_form(bot, tools=broken))
    assert answer.status_code == 422
    assert b"Line 2, column 18" in answer.content
    answer = as_ada.post(f"{page}/", build_form(bot, tools='[{"type": "function"}]'))
    assert b"tools[0].name" in answer.content
    tool = '[{"type": "function", "name": "find", "parameters": {"type": "object"}}]'
    assert as_ada.post(f"{page}/", build_form(bot, tools=tool)).status_code == 302
    bot.refresh_from_db()
    assert [one["name"] for one in bot.draft["tools"]] == ["find"]
    code = as_ada.get(f"{page}/code").content.decode()
    assert "&quot;function&quot;: {\n        &quot;name&quot;: &quot;find&quot;" in code


def test_answers_can_be_json_and_a_schema_stays_when_the_rest_is_edited(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    page = f"{base}/chatbots/{bot.name}"
    as_ada.post(f"{page}/", build_form(bot, response_format="json_object"))
    bot.refresh_from_db()
    assert bot.draft["response_format"] == {"type": "json_object"}
    form = {"type": "json_schema", "name": "order", "schema": {"type": "object"}}
    making.change(bot, configuration={"response_format": form})
    as_ada.post(f"{page}/", build_form(bot, response_format="json_schema", welcome="Hi"))
    bot.refresh_from_db()
    assert bot.draft["response_format"]["schema"] == {"type": "object"}
    assert bot.draft["welcome"] == "Hi"


def test_what_is_exported_can_be_imported(as_ada: Client, base: str, bot: Chatbot) -> None:
    text = as_ada.get(f"{base}/chatbots/{bot.name}/export/draft").content
    assert yaml.safe_load(text)["system_prompt"] == bot.draft["system_prompt"]
    file = SimpleUploadedFile("support.yaml", text)
    assert as_ada.post(f"{base}/chatbots/import", {"file": file}).status_code == 302
    copy = Chatbot.objects.get(name="support-2")
    assert copy.draft == bot.draft
    assert copy.live is None


def test_a_chatbot_is_deleted_by_its_typed_name_alone(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    page = f"{base}/chatbots/{bot.name}"
    as_ada.post(f"{page}/delete", {"name": "something else"})
    assert Chatbot.objects.filter(pk=bot.pk).exists()
    as_ada.post(f"{page}/delete", {"name": bot.name})
    assert not Chatbot.objects.filter(pk=bot.pk).exists()


@pytest.mark.parametrize(
    "tab",
    [
        "",
        "embed",
        "versions",
        "settings",
        "code",
        "export/draft",
        "conversations",
        "chat",
        "files",
        "usage",
    ],
)
def test_a_stranger_finds_no_page_of_it(tab: str, base: str, bot: Chatbot, mallory: Person) -> None:
    theirs = signed_in(mallory)
    assert theirs.get(f"{base}/chatbots/{bot.name}/{tab}").status_code == 404
    own = f"/dashboard/{mallory.organisation.slug}"
    assert theirs.get(f"{own}/chatbots/{bot.name}/{tab}").status_code == 404


def test_an_analyst_sees_and_changes_nothing(as_ben: Client, base: str, bot: Chatbot) -> None:
    page = f"{base}/chatbots/{bot.name}"
    shown = as_ben.get(f"{page}/").content
    assert b"Publish v2" not in shown
    for tab in ("", "embed", "chat"):
        assert b"<chat-widget mode" not in as_ben.get(f"{page}/{tab}").content, tab
    assert b'data-token=""' in as_ben.get(f"{page}/chat").content
    for path, form in (
        ("/", build_form(bot, welcome="Ben's")), ("/publish", {}), ("/pause", {}),
        ("/embed/key", {}), ("/secret", {}), ("/delete", {"name": bot.name}),
        ("/duplicate", {}), ("/versions/1/restore", {}), ("/files", {"file_id": "file-1"}),
        ("/files/file-1/detach", {}),
    ):  # fmt: skip
        assert as_ben.post(page + path, form).status_code == 403, path
    assert as_ben.post(f"{base}/chatbots/new", {"title": "x"}).status_code == 403


def test_a_new_publishable_key_wants_the_typed_name(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    page, before = f"{base}/chatbots/{bot.name}/embed", bot.publishable_text
    as_ada.post(f"{page}/key", {"name": "another"})
    assert before in as_ada.get(page).content.decode()
    as_ada.post(f"{page}/key", {"name": bot.name})
    assert before not in as_ada.get(page).content.decode()


def test_a_pale_accent_is_warned_of(as_ada: Client, base: str, bot: Chatbot) -> None:
    page = f"{base}/chatbots/{bot.name}/embed"
    form = {
        "access": "public", "theme__accent": "#ffee88", "theme__scheme": "auto",
        "theme__position": "bottom-right", "theme__radius": "12", "limits__messages": "20",
        "limits__window_seconds": "60", "limits__address_messages": "60", "disclosure": "An AI.",
        "allowed_origins": "https://shop.example\nnonsense", "theme__density": "compact",
        "theme__launcher": "icon", "limits__text": "",
    }  # fmt: skip
    refused = as_ada.post(page, form)
    assert refused.status_code == 422
    assert b"Line 2: An origin is written" in refused.content
    assert as_ada.post(page, {**form, "allowed_origins": "https://a.example"}).status_code == 302
    assert b'data-pale role="status" >' in as_ada.get(page).content
    as_ada.post(page, {**form, "allowed_origins": "", "theme__accent": "#112233"})
    assert b'data-pale role="status" hidden>' in as_ada.get(page).content


def test_the_first_chatbot_is_three_steps(as_ada: Client, base: str) -> None:
    assert 'value="Assistant"' in as_ada.get(f"{base}/start?template=json").content.decode()
    answer = as_ada.post(f"{base}/start", {"title": "", "template": "json"})
    assert answer.status_code == 422
    answer = as_ada.post(f"{base}/start", {"title": "Clerk", "template": "json"})
    assert answer["Location"] == f"{base}/start/clerk"
    shown = as_ada.get(answer["Location"]).content.decode()
    assert '<chat-widget mode="inline" bot="clerk" preview="' in " ".join(shown.split())
    assert live(Chatbot.objects.get(name="clerk")).number == 1


def test_what_is_published_is_offered_again_when_the_draft_differs(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    def offered(page: str) -> str:
        button = re.search(r'<button[^>]*id="bot-publish"[^>]*>[^<]*', page)
        assert button is not None
        return " ".join(button.group().split())

    page = f"{base}/chatbots/{bot.name}/"
    assert offered(as_ada.get(page).text).endswith("disabled> Published")
    saved = as_ada.post(page, build_form(bot, welcome="Hi"), headers={"hx-request": "true"})
    assert "disabled" not in offered(saved.text)
    assert offered(saved.text).endswith("Publish v2")


def test_publishing_leads_back_to_its_tab_and_nothing_new_makes_no_version(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    page = f"{base}/chatbots/{bot.name}"
    as_ada.post(f"{page}/", build_form(bot, temperature="1.5"))
    form = as_ada.get(f"{page}/embed").content.decode()
    assert re.search(r'name="tab"\s+value="chatbot-embed"', form)
    assert as_ada.post(f"{page}/publish", {"tab": "chatbot-embed"})["Location"] == f"{page}/embed"
    again = as_ada.post(f"{page}/publish", {"tab": "https://evil.example"}, follow=True)
    assert again.redirect_chain == [(f"{page}/", 302)]
    assert "Nothing has changed since v2: it stays live." in again.content.decode()
    assert live(bot).number == 2


def test_the_demo_model_says_what_it_is_while_it_is_chosen(
    as_ada: Client, base: str, bot: Chatbot, ada: Person
) -> None:
    page = f"{base}/chatbots/{bot.name}/"
    shown = re.compile(r'<p class="notice small"\s+id="demo"\s+role="status"\s*>')
    assert shown.search(as_ada.get(page).content.decode())
    making.change(bot, configuration={"model": "another"})
    assert not shown.search(as_ada.get(page).content.decode())
    form = build_form(bot, model="another")
    saved = as_ada.post(page, form, headers={"HX-Request": "true"}).content.decode()
    assert re.search(r'id="demo"\s+role="status"\s+hx-swap-oob="true"\s+hidden', saved)
