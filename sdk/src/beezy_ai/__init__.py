"""Beezy AI in Python: `BeezyAI(api_key_auth=…).chat.create(request={…})`, and `.stream`."""

from beezy_ai import models
from beezy_ai.client import BeezyAI, Chat, EventStream
from beezy_ai.models import ChatCompletionRole

__all__ = ["BeezyAI", "Chat", "ChatCompletionRole", "EventStream", "models"]
