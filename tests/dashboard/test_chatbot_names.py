"""A chatbot is renamed and moved to another team; old links and calls go on where they may."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, Membership
from api.errors import NotFound
from chatbots import making, naming, transferring, versions
from chatbots.author import SYSTEM
from chatbots.models import Chatbot, FormerName, Version
from tests.cast import Person


@pytest.fixture
def bot(ada: Person) -> Chatbot:
    bot = making.create(ada.organisation.id, SYSTEM, "support", "Support", {"access": "public"})
    versions.publish(bot, SYSTEM, "First")
    return making.find(ada.organisation.id, "support")


@pytest.fixture
def base(ada: Person) -> str:
    return f"/dashboard/{ada.organisation.slug}"


def rename(client: Client, base: str, old: str, new: str) -> int:
    return client.post(f"{base}/chatbots/{old}/rename", {"name": new}).status_code


def test_old_links_and_calls_lead_to_the_new_name(
    as_ada: Client, base: str, ada: Person, bot: Chatbot
) -> None:
    assert rename(as_ada, base, "support", "help-desk") == 302
    page = as_ada.get(f"{base}/chatbots/support/versions?diff=1")
    assert page["Location"] == f"{base}/chatbots/help-desk/versions?diff=1"
    api = Client(headers={"authorization": f"Bearer {ada.key}"})
    assert api.get("/v1/chatbots/support").json()["name"] == "help-desk"
    assert "<code>support</code>" in as_ada.get(f"{base}/chatbots/help-desk/settings").text
    assert AuditEntry.objects.get(action="chatbot.renamed").after == {"name": "help-desk"}


def test_a_name_that_is_taken_or_wrong_is_said_at_its_field(
    as_ada: Client, base: str, ada: Person, bot: Chatbot
) -> None:
    making.create(ada.organisation.id, SYSTEM, "sales")
    for name in ("sales", "Not so", "-", ""):
        answer = as_ada.post(f"{base}/chatbots/support/rename", {"name": name})
        assert answer.status_code == 422, name
        assert f'name="name" value="{name}"' in answer.text or not name
        assert "field-error" in answer.text
    assert making.find(ada.organisation.id, "support").pk == bot.pk


def test_a_former_name_gives_way_in_its_team_and_is_kept_from_others(
    ada: Person, mallory: Person, bot: Chatbot
) -> None:
    naming.rename(bot, SYSTEM, "help-desk")
    theirs = making.create(mallory.organisation.id, SYSTEM, "support")
    assert theirs.slug != "support"  # the old page still leads to Ada's
    again = making.create(ada.organisation.id, SYSTEM, "support")
    assert making.find(ada.organisation.id, "support").pk == again.pk
    assert not FormerName.objects.exists()
    naming.rename(again, SYSTEM, "a")
    naming.rename(again, SYSTEM, "support")
    assert list(FormerName.objects.values_list("name", flat=True)) == ["a"]


def test_old_names_are_forgotten_from_the_twentieth_on(ada: Person, bot: Chatbot) -> None:
    for number in range(22):
        naming.rename(bot, SYSTEM, f"name-{number}")
    kept = set(FormerName.objects.values_list("name", flat=True))
    assert kept == {f"name-{number}" for number in range(1, 21)}


def test_an_owner_of_both_teams_moves_a_chatbot(
    as_ada: Client, base: str, ada: Person, mallory: Person, bot: Chatbot
) -> None:
    form = {"team": mallory.organisation.slug, "name": "support"}
    move = f"{base}/chatbots/support/transfer"
    assert as_ada.post(move, form).status_code == 403  # no member there
    member = Membership.objects.create(
        organisation=mallory.organisation, user=ada.user, role=Membership.Role.ADMIN
    )
    assert as_ada.post(move, form).status_code == 403  # no owner there
    member.role = Membership.Role.OWNER
    member.save()
    assert as_ada.post(move, {**form, "name": "suport"}).status_code == 302
    assert Chatbot.objects.get().organisation_id == ada.organisation.id
    answer = as_ada.post(move, form)
    assert answer["Location"] == f"/dashboard/{mallory.organisation.slug}/chatbots/support/embed"
    moved = making.find(mallory.organisation.id, "support")
    assert moved.slug == "support"
    assert moved.secret != bot.secret
    assert moved.publishable_text != bot.publishable_text
    assert moved.live == Version.objects.get(organisation=mallory.organisation, note="First")
    assert as_ada.get(f"{base}/chatbots/support/").status_code == 404


def test_what_is_published_in_the_moment_of_the_move_comes_along(
    ada: Person, mallory: Person, bot: Chatbot
) -> None:
    as_read_before = making.find(ada.organisation.id, "support")
    versions.publish(bot, SYSTEM, "Second")
    moved = transferring.transfer(as_read_before, mallory.organisation.id, SYSTEM)
    assert moved.live is not None
    assert moved.live.note == "Second"
    with pytest.raises(NotFound):
        versions.publish(as_read_before, SYSTEM, "Too late")


def test_an_admin_of_the_team_moves_nothing_away(
    as_ada: Client, base: str, ada: Person, mallory: Person, bot: Chatbot
) -> None:
    Membership.objects.filter(user=ada.user).update(role=Membership.Role.ADMIN)
    Membership.objects.create(
        organisation=mallory.organisation, user=ada.user, role=Membership.Role.OWNER
    )
    form = {"team": mallory.organisation.slug, "name": "support"}
    assert as_ada.post(f"{base}/chatbots/support/transfer", form).status_code == 403
    assert "Move to another team" not in as_ada.get(f"{base}/chatbots/support/settings").text
