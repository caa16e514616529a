"""Django's name for the fine-tuning app."""

from django.apps import AppConfig


class FineTuningConfig(AppConfig):
    name = "inference.fine_tuning"
    label = "fine_tuning"
