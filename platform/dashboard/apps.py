"""The browser dashboard: pages over what the other apps know and do."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
