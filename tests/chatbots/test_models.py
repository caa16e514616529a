"""The database keeps chatbots apart: no row joins two organisations, no version changes."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts import keys
from chatbots.configuration import Configuration
from chatbots.models import Chatbot, Conversation, Message, Version, Visitor
from tests.cast import Person


def made(person: Person, name: str = "support") -> Chatbot:
    key, plaintext = keys.issue(person.organisation.id, name=name, kind="publishable")
    chatbot = Chatbot(
        organisation=person.organisation,
        name=name,
        title=name.title(),
        slug=f"{name}-{person.organisation.slug}",
        draft=Configuration().stored(),
        publishable_key=key,
        publishable_text=plaintext,
    )
    chatbot.secret = "correct horse"
    chatbot.save()
    return chatbot


def version(chatbot: Chatbot, number: int = 1) -> Version:
    found: Version = Version.objects.create(
        organisation_id=chatbot.organisation_id,
        chatbot=chatbot,
        number=number,
        configuration=chatbot.draft,
        author="ada",
    )
    return found


@pytest.fixture(autouse=True)
def at_once(db: None) -> None:
    """Constraints that wait for the commit are checked with each statement."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_secret_is_stored_encrypted(ada: Person) -> None:
    chatbot = Chatbot.objects.get(pk=made(ada).pk)
    assert chatbot.secret == "correct horse"
    assert "horse" not in chatbot.identity_secret


def test_two_chatbots_of_one_organisation_have_different_names(ada: Person) -> None:
    made(ada)
    chatbot = Chatbot.objects.get()
    chatbot.pk, chatbot.slug = "bot_other", "other"
    with pytest.raises(IntegrityError, match="chatbot_names_differ"), transaction.atomic():
        chatbot.save(force_insert=True)


def test_a_conversation_never_joins_two_organisations(ada: Person, mallory: Person) -> None:
    chatbot = made(ada)
    with pytest.raises(IntegrityError, match="chat_chatbot"), transaction.atomic():
        Conversation.objects.create(organisation=mallory.organisation, chatbot=chatbot)


def test_a_conversations_visitor_is_its_chatbots(ada: Person) -> None:
    one, other = made(ada, "one"), made(ada, "other")
    visitor = Visitor.objects.create(organisation=ada.organisation, chatbot=one)
    with pytest.raises(IntegrityError, match="chat_visitor"), transaction.atomic():
        Conversation.objects.create(organisation=ada.organisation, chatbot=other, visitor=visitor)


def test_a_message_never_joins_two_organisations(ada: Person, mallory: Person) -> None:
    chat = Conversation.objects.create(organisation=ada.organisation, chatbot=made(ada))
    with pytest.raises(IntegrityError, match="message_chat"), transaction.atomic():
        Message.objects.create(
            organisation=mallory.organisation, conversation=chat, place=1, role="user"
        )


def test_a_chatbot_only_bears_a_key_of_its_organisation(ada: Person, mallory: Person) -> None:
    chatbot = made(ada)
    chatbot.publishable_key = made(mallory).publishable_key
    with pytest.raises(IntegrityError, match="chatbot_key"), transaction.atomic():
        chatbot.save()


def test_only_a_version_of_its_own_can_be_live(ada: Person) -> None:
    one, other = made(ada, "one"), made(ada, "other")
    one.live = version(other)
    with pytest.raises(IntegrityError, match="chatbot_live"), transaction.atomic():
        one.save()


def test_a_version_is_never_changed(ada: Person) -> None:
    published = version(made(ada))
    published.note = "another"
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        published.save()
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        published.delete()


def test_what_belongs_to_a_chatbot_goes_with_it(ada: Person) -> None:
    chatbot = made(ada)
    chatbot.live = version(chatbot)
    chatbot.save()
    visitor = Visitor.objects.create(organisation=ada.organisation, chatbot=chatbot)
    chat = Conversation.objects.create(
        organisation=ada.organisation, chatbot=chatbot, visitor=visitor
    )
    Message.objects.create(organisation=ada.organisation, conversation=chat, place=1, role="user")
    Chatbot.objects.filter(pk=chatbot.pk).delete()
    assert not any(model.objects.exists() for model in (Version, Visitor, Conversation, Message))
