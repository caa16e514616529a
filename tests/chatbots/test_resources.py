"""Chatbots over the API: made, published, compared, paused, deleted, hidden from strangers."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from chatbots.models import Chatbot, Conversation, Message, Version, Visitor
from knowledge.models import VectorStore
from tests.cast import Person

URL = "/v1/chatbots"


def ask(person: Person, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {person.key}"}
    answer = getattr(Client(headers=headers), method)(
        URL + path, *([body, "application/json"] if body is not None else [])
    )
    return answer.status_code, answer.json()


def get(person: Person, path: str = "") -> Any:
    status, body = ask(person, "get", path)
    assert status == 200, body
    return body


def post(person: Person, path: str = "", body: Any = None) -> Any:
    status, answer = ask(person, "post", path, body or {})
    assert status in {200, 201}, answer
    return answer


@pytest.fixture
def support(ada: Person) -> dict[str, Any]:
    made: dict[str, Any] = post(ada, "", {"name": "support", "title": "Support"})
    return made


def test_a_chatbot_is_made_as_a_draft_with_a_key_and_a_budget(support: dict[str, Any]) -> None:
    assert (support["state"], support["live_version"]) == ("draft_only", None)
    assert support["publishable_key"].startswith("pk-")
    assert support["configuration"]["budget"]["day_usd"] == "1.00"
    assert support["slug"] == "support"


def test_a_change_may_give_it_another_name_and_the_old_one_leads_to_it(
    ada: Person, mallory: Person, support: dict[str, Any]
) -> None:
    post(ada, "", {"name": "sales"})
    status, renamed = ask(ada, "patch", "/support", {"name": "help-desk", "title": "Help"})
    assert (status, renamed["name"], renamed["title"]) == (200, "help-desk", "Help")
    assert get(ada, "/support")["id"] == get(ada, "/help-desk")["id"] == support["id"]
    audit = AuditEntry.objects.get(action="chatbot.renamed")
    assert (audit.before, audit.after) == ({"name": "support"}, {"name": "help-desk"})
    for wrong in ("sales", "No", "", "a" * 65, 7):
        status, refused = ask(ada, "patch", "/help-desk", {"name": wrong, "title": "Other"})
        assert (status, refused["error"]["param"]) == (400, "name")
    assert get(ada, "/help-desk")["title"] == "Help"  # all of a change, or nothing
    assert ask(mallory, "patch", "/help-desk", {"name": "mine"})[0] == 404


def test_publishing_makes_it_live_and_a_change_makes_the_draft_differ(
    ada: Person, support: dict[str, Any]
) -> None:
    made = post(ada, "/support/versions", {"note": "first"})
    assert (made["number"], made["note"], made["is_live"]) == (1, "first", True)
    assert get(ada, "/support")["state"] == "live"
    status, changed = ask(ada, "patch", "/support", {"configuration": {"limits": {"messages": 5}}})
    assert (status, changed["draft_differs"]) == (200, True)
    limits = changed["configuration"]["limits"]
    assert (limits["messages"], limits["window_seconds"]) == (5, 60)
    assert get(ada, "/support/diff")["changes"] == [
        {"field": "limits.messages", "before": 20, "after": 5}
    ]


def test_an_earlier_version_goes_live_again_or_becomes_the_draft(
    ada: Person, support: dict[str, Any]
) -> None:
    post(ada, "/support/versions")
    ask(ada, "patch", "/support", {"configuration": {"welcome": "Ahoy!"}})
    post(ada, "/support/versions")
    assert post(ada, "/support/versions/1/publish")["number"] == 1
    shown = get(ada, "/support")
    assert (shown["live_version"], shown["draft_differs"]) == (1, True)
    restored = post(ada, "/support/versions/1/restore")
    assert restored["draft_differs"] is False
    assert [one["number"] for one in get(ada, "/support/versions")["data"]] == [2, 1]
    assert get(ada, "/support/diff?from=1&to=2")["changes"][0]["after"] == "Ahoy!"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": "Support!"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"name": "x", "plan": "gold"}, "plan"),
        ({"name": "x", "configuration": {"tempo": 1}}, "tempo"),
        ({"name": "x", "configuration": {"temperature": 3}}, "temperature"),
        ({"name": "x", "configuration": {"temperature": True}}, "temperature"),
        ({"name": "x", "configuration": {"suggested_prompts": ["a"] * 5}}, "suggested_prompts"),
        ({"name": "x", "configuration": {"budget": {"day_usd": "1e3"}}}, "budget.day_usd"),
        ({"name": "x", "configuration": {"system_prompt": "{{user.name}}"}}, "system_prompt"),
        (
            {"name": "x", "configuration": {"allowed_origins": ["https://a.example/path"]}},
            "allowed_origins[0]",
        ),
        ({"name": "x", "configuration": {"theme": {"accent": "red"}}}, "theme.accent"),
    ],
)
def test_what_is_wrong_is_named(ada: Person, body: dict[str, Any], param: str) -> None:
    status, answer = ask(ada, "post", "", body)
    assert (status, answer["error"]["param"]) == (400, param)
    assert not Chatbot.objects.exists()


def test_two_chatbots_cannot_have_one_name_but_two_organisations_can(
    ada: Person, mallory: Person, support: dict[str, Any]
) -> None:
    status, answer = ask(ada, "post", "", {"name": "support"})
    assert (status, answer["error"]["param"]) == (400, "name")
    other = post(mallory, "", {"name": "support"})
    assert other["slug"] != support["slug"]


def test_strangers_and_those_without_the_scope_change_nothing(
    ada: Person, ben: Person, mallory: Person, support: dict[str, Any]
) -> None:
    assert ask(mallory, "get", "/support")[0] == 404
    assert ask(mallory, "post", "/support/pause", {})[0] == 404
    assert get(ben, "/support")["name"] == "support"
    status, answer = ask(ben, "post", "/support/pause", {})
    assert (status, answer["error"]["code"]) == (403, "insufficient_scope")


def test_what_matters_is_written_down(ada: Person, support: dict[str, Any]) -> None:
    post(ada, "/support/versions")
    post(ada, "/support/pause")
    assert get(ada, "/support")["state"] == "paused"
    post(ada, "/support/resume")
    rotated = post(ada, "/support/publishable_key/rotate")
    assert rotated["publishable_key"] != support["publishable_key"]
    done = AuditEntry.objects.filter(target=support["id"]).values_list("action", flat=True)
    names = ("created", "published", "paused", "resumed", "key_rotated")
    assert set(done) == {f"chatbot.{name}" for name in names}


def test_a_pause_and_a_change_of_what_lets_visitors_in_end_their_tokens(
    ada: Person, support: dict[str, Any]
) -> None:
    post(ada, "/support/versions")
    before = Chatbot.objects.get().token_generation
    ask(ada, "patch", "/support", {"configuration": {"welcome": "Ahoy!"}})
    post(ada, "/support/versions")
    assert Chatbot.objects.get().token_generation == before
    ask(ada, "patch", "/support", {"configuration": {"limits": {"messages": 1}}})
    post(ada, "/support/versions")
    assert Chatbot.objects.get().token_generation == before + 1
    post(ada, "/support/pause")
    assert Chatbot.objects.get().token_generation == before + 2


def test_a_deleted_chatbot_takes_everything_along(ada: Person, support: dict[str, Any]) -> None:
    post(ada, "/support/versions")
    assert ask(ada, "delete", "/support")[1]["deleted"] is True
    models = (Chatbot, Version, Conversation, VectorStore)
    assert not any(model.objects.exists() for model in models)
    assert ask(ada, "get", "/support")[0] == 404


def test_what_is_exported_can_be_imported(ada: Person, support: dict[str, Any]) -> None:
    ask(ada, "patch", "/support", {"configuration": {"system_prompt": "Be kind.\nBe brief."}})
    text = get(ada, "/support/export")["yaml"]
    assert "system_prompt: |-\n  Be kind.\n  Be brief." in text
    post(ada, "", {"name": "copy"})
    copied = post(ada, "/copy/import", {"yaml": text})
    assert copied["configuration"] == get(ada, "/support")["configuration"]


def test_the_line_of_a_mistake_is_named(ada: Person, support: dict[str, Any]) -> None:
    for text, said in (
        ("temperature: 0.5\nlimits:\n  messages: 0\n", "line 3: Invalid 'limits.messages'"),
        ("welcome: Hi\ntempo: 1\n", "line 2: Unknown parameter: 'tempo'"),
        ("welcome: [1\n", "line 1: No YAML: "),
        ("welcome: Hi\nwelcome: Ho\n", "line 2: welcome: This field is written twice."),
        ("a: &a [1]\nb: *a\n", "line 1: Anchors and aliases are refused."),
        ("- 1\n", "line 1: the file should hold fields"),
        ("welcome: !!python/object:os.system x\n", "line 1: welcome: The tag "),
    ):
        status, answer = ask(ada, "post", "/support/import", {"yaml": text})
        assert status == 400
        assert answer["error"]["message"].startswith(said), answer


def chat(support: dict[str, Any], text: str, **fields: Any) -> Conversation:
    bot = Chatbot.objects.get(pk=support["id"])
    visitor = Visitor.objects.create(organisation_id=bot.organisation_id, chatbot=bot)
    made: Conversation = Conversation.objects.create(
        organisation_id=bot.organisation_id, chatbot=bot, visitor=visitor, messages_count=2,
        **fields,
    )  # fmt: skip
    common = {"organisation_id": bot.organisation_id, "conversation": made}
    Message.objects.create(place=1, role="user", text=text, **common)
    Message.objects.create(place=2, role="assistant", text="Let me see.", **common)
    return made


def test_conversations_are_searched_and_filtered(ada: Person, support: dict[str, Any]) -> None:
    bread = chat(support, "Do you bake rye bread?", origin="https://shop.example")
    cake = chat(support, "A cake, please.", flagged=True)

    def found(query: str) -> list[str]:
        return [one["id"] for one in get(ada, f"/support/conversations{query}")["data"]]

    assert found("") == [cake.id, bread.id]
    assert found("?q=rye+bread") == [bread.id]
    assert found("?origin=https://shop.example") == [bread.id]
    assert found("?flagged=true") == [cake.id]
    assert found(f"?visitor={cake.visitor_id}") == [cake.id]
    answer = Message.objects.get(conversation=cake, place=2)
    path = f"/support/conversations/{cake.id}/messages/{answer.id}/feedback"
    assert post(ada, path, {"rating": "down"})["rating"] == "down"
    assert found("?feedback=down") == [cake.id]
    for wrong in ("feedback=sideways", "days=0", "least_cost=cheap"):
        assert ask(ada, "get", f"/support/conversations?{wrong}")[0] == 400, wrong
    Conversation.objects.filter(pk=bread.pk).update(
        cost_nano=3_000_000, last_message_at=timezone.now() - timedelta(days=9)
    )
    assert found("?least_cost=0.003") == [bread.id]
    assert found("?days=7") == [cake.id]
    texts = get(ada, f"/support/conversations/{bread.id}/messages?order=asc")["data"]
    assert [one["text"] for one in texts] == ["Do you bake rye bread?", "Let me see."]


def test_a_note_stays_when_the_flag_is_changed(ada: Person, support: dict[str, Any]) -> None:
    cake = chat(support, "cake")
    path = f"/support/conversations/{cake.id}"
    assert ask(ada, "patch", path, {"note": "Call her back."})[1]["note"] == "Call her back."
    changed = ask(ada, "patch", path, {"flagged": True})[1]
    assert (changed["flagged"], changed["note"]) == (True, "Call her back.")


def test_a_visitors_data_are_exported_and_deleted(ada: Person, support: dict[str, Any]) -> None:
    bread, cake = chat(support, "bread"), chat(support, "cake")
    exported = get(ada, f"/support/visitors/{bread.visitor_id}")
    assert exported["conversations"][0]["messages"][0]["text"] == "bread"
    status, gone = ask(ada, "delete", f"/support/visitors/{bread.visitor_id}")
    assert (status, gone["conversations"]) == (200, 1)
    assert ask(ada, "get", f"/support/visitors/{bread.visitor_id}")[0] == 404
    assert set(Message.objects.values_list("conversation_id", flat=True)) == {cake.id}
    assert AuditEntry.objects.filter(action="chatbot.visitor_deleted").exists()


def test_the_same_resources_answer_under_resources(ada: Person, support: dict[str, Any]) -> None:
    headers = {"authorization": f"Bearer {ada.key}"}
    for path in ("/v1/resources/chatbots/support", "/resources/chatbots/support", "/chatbots"):
        assert Client(headers=headers).get(path).status_code == 200
