"""Django's name for the files app."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "files"
