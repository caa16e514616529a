"""Ties together what apps on lower floors may not know of each other."""

from importlib import import_module

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        leaving = import_module("accounts.leaving")
        closing = import_module("config.closing")
        leaving.closers.append(closing.erase)
