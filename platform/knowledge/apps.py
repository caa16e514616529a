"""Django's name for the knowledge app, and what it looks at when the site is checked."""

from django.apps import AppConfig
from django.core import checks


class KnowledgeConfig(AppConfig):
    name = "knowledge"

    def ready(self) -> None:
        from knowledge.checks import vectors_can_be_kept  # noqa: PLC0415 - models must be there

        checks.register(vectors_can_be_kept, checks.Tags.database)
