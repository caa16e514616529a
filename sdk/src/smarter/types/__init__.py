"""What the platform answers, typed: resources as models, requests as TypedDicts."""

from smarter.types.accounts import APIKey, IssuedAPIKey, Me, Member, Organisation, User
from smarter.types.chatbots import (
    ChatbotConversation,
    ChatbotFields,
    ChatbotMessage,
    ChatbotVersion,
    Deleted,
    Reply,
    ReplyChunk,
    Source,
)
from smarter.types.money import Balance, Generation, LedgerEntry, Price, TopUp, Usage, UsageLine

__all__ = [
    "APIKey",
    "Balance",
    "ChatbotConversation",
    "ChatbotFields",
    "ChatbotMessage",
    "ChatbotVersion",
    "Deleted",
    "Generation",
    "IssuedAPIKey",
    "LedgerEntry",
    "Me",
    "Member",
    "Organisation",
    "Price",
    "Reply",
    "ReplyChunk",
    "Source",
    "TopUp",
    "Usage",
    "UsageLine",
    "User",
]
