"""The administration of files: who has which, and how much they may have. Never what is in them."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from accounts.admin import ReadOnlyAdmin
from files.models import Space, StoredFile


@admin.register(StoredFile)
class StoredFileAdmin(ReadOnlyAdmin):
    list_display = ("filename", "organisation", "purpose", "size", "created_at", "expires_at")
    list_filter = ("purpose",)
    search_fields = ("id", "filename", "organisation__name")
    exclude = ("storage_name",)


@admin.register(Space)
class SpaceAdmin(ModelAdmin):
    list_display = ("organisation", "used", "quota")
    readonly_fields = ("organisation", "used")
