"""Routes of the Django side: resources, admin, API description."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
