"""The administration of fine-tuning: whose, how far, at what cost. Never the examples."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from inference.fine_tuning.models import FineTuningJob


@admin.register(FineTuningJob)
class FineTuningJobAdmin(ReadOnlyAdmin):
    list_display = ("id", "organisation", "status", "model", "fine_tuned_model", "trained_tokens")
    list_filter = ("status", "model")
    search_fields = ("id", "organisation__name", "fine_tuned_model")
