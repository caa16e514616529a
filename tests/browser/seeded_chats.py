"""Chatbots with conversations, for looking at pages; their calls stand in no ledger."""

import random
from datetime import timedelta
from typing import Final

from django.utils import timezone

from accounts.models import Organisation, User
from chatbots import making, versions
from chatbots.author import Author
from chatbots.models import Chatbot, Conversation, Message

CHATBOTS: Final = {"support": "Support", "trail-guide": "Trail guide", "returns": "Returns desk"}
TALKS: Final = (
    ("Where is order 48812? It said Tuesday", "Order 48812 left us on Monday and is due tomorrow."),
    ("Do you repair tents bought elsewhere?", "Yes, any tent. Most poles take a week."),
    ("Is Striding Edge safe with a dog in November", "With most dogs it is not: it is iced."),
    ("Refund still not on my card", "Refunds reach a card in 3 to 5 working days."),
    ("Which boots for wide feet, no leather", "The Fell and the Moss are our widest."),
    ("Camping near Wasdale Head with a van", "The site there takes vans; book ahead in summer."),
    ("Can I swap a 42 for a 43 without paying post twice", "Yes: the second parcel is on us."),
    ("hallo, liefern Sie nach Österreich?", "Ja, in vier Tagen und ohne Zoll."),
    ("The zip broke on day two", "I am sorry. Send a picture, and a new one leaves today."),
    ("Round walk from Ambleside under 3 hours", "Loughrigg Fell and back by Rydal: about 2 h 40."),
)  # fmt: skip


def fill(organisation: Organisation, owner: User) -> None:
    chance = random.Random(11)
    author = Author(owner.id, None)
    made = [_chatbot(organisation, author, name, title) for name, title in CHATBOTS.items()]
    making.change(made[0], configuration={"system_prompt": "Answer from our pages, briefly."})
    for minutes, (asked, answered) in enumerate(TALKS):
        _talk(chance.choice(made), asked, answered, minutes * minutes * 3, chance)


def _chatbot(organisation: Organisation, author: Author, name: str, title: str) -> Chatbot:
    chatbot = making.create(organisation.id, author, name, title)
    versions.publish(chatbot, author, "The first")
    return chatbot


def _talk(chatbot: Chatbot, asked: str, answered: str, minutes: int, chance: random.Random) -> None:
    moment = timezone.now() - timedelta(minutes=minutes, seconds=12)
    cost = chance.randint(90_000, 800_000)
    conversation = Conversation.objects.create(
        organisation_id=chatbot.organisation_id, chatbot=chatbot, origin="https://fernhill.example",
        messages_count=2, prompt_tokens=1912, completion_tokens=42, cost_nano=cost,
    )  # fmt: skip
    Conversation.objects.filter(pk=conversation.pk).update(
        created_at=moment, last_message_at=moment
    )
    for place, (role, text) in enumerate((("user", asked), ("assistant", answered)), 1):
        is_answer = role == "assistant"
        Message.objects.create(
            organisation_id=chatbot.organisation_id, conversation=conversation, place=place,
            role=role, text=text, version=1, model="smarter-mini" if is_answer else "",
            prompt_tokens=1912 if is_answer else 0, completion_tokens=42 if is_answer else 0,
            cost_nano=cost if is_answer else 0, first_token_ms=218 if is_answer else None,
            total_ms=930 if is_answer else None,
            feedback=chance.choice([None, "up", "down"]) if is_answer else None,
        )  # fmt: skip
