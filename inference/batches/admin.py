"""The administration of batches: whose, how far, at what cost. Never what is in them."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from inference.batches.models import Batch


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ("id", "organisation", "status", "endpoint", "total", "completed", "failed")
    list_filter = ("status", "endpoint")
    search_fields = ("id", "organisation__name")
