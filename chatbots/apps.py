"""Django's name for the chatbots app."""

from django.apps import AppConfig


class ChatbotsConfig(AppConfig):
    name = "chatbots"
