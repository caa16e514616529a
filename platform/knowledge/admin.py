"""The administration of vector stores: whose, and how much. Never what is in them."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from knowledge.models import StoreFile, VectorStore


@admin.register(VectorStore)
class VectorStoreAdmin(ReadOnlyAdmin):
    list_display = ("id", "name", "organisation", "created_at", "last_active_at", "expires_at")
    search_fields = ("id", "name", "organisation__name")


@admin.register(StoreFile)
class StoreFileAdmin(ReadOnlyAdmin):
    list_display = ("file", "store", "organisation", "status", "error_code", "usage_bytes")
    list_filter = ("status", "error_code")
    search_fields = ("file__id", "store__id", "organisation__name")
