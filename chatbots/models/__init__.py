"""Chatbots, versions, former names; visitors, conversations, messages; sites that embed them."""

from chatbots.models.chatbot import Chatbot, Version
from chatbots.models.conversation import Conversation
from chatbots.models.former_name import FormerName
from chatbots.models.message import Message
from chatbots.models.visitor import Seen, Visitor

__all__ = ["Chatbot", "Conversation", "FormerName", "Message", "Seen", "Version", "Visitor"]
