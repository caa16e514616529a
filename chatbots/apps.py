"""Django's name for the chatbots app."""

from importlib import import_module

from django.apps import AppConfig


class ChatbotsConfig(AppConfig):
    name = "chatbots"

    def ready(self) -> None:
        """Now that models can be imported: who answers for the names `chatbot/…`."""
        as_model = import_module("chatbots.as_model")
        import_module("inference.personas").register(as_model.PREFIX, as_model.find)
