"""Chatbots and their versions; visitors, conversations, messages; the sites that embed them."""

from chatbots.models.chatbot import Chatbot, Version
from chatbots.models.conversation import Conversation
from chatbots.models.message import Message
from chatbots.models.visitor import Seen, Visitor

__all__ = ["Chatbot", "Conversation", "Message", "Seen", "Version", "Visitor"]
