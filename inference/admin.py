"""The catalog in the administration: its texts, limits and aliases.

Models come and go by `manage.py models`, which vets them and keeps their files in order.
"""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from inference.models import ModelAlias, ServedModel

WRITTEN_BY_THE_COMMAND = [
    "id", "state", "failure", "engine", "organisation", "capabilities", "parameters",
    "context_window", "created_at",
]  # fmt: skip
WRITTEN_HERE = ["default_max_output", "provider", "owned_by", "best_for"]


class AliasesOfModel(TabularInline):
    model = ModelAlias
    extra = 0


@admin.register(ServedModel)
class ServedModelAdmin(ModelAdmin):
    list_display = ["id", "state", "context_window", "provider", "engine"]
    list_filter = ["state", "provider"]
    search_fields = ["id", "provider"]
    readonly_fields = WRITTEN_BY_THE_COMMAND
    fields = [*WRITTEN_BY_THE_COMMAND, *WRITTEN_HERE]
    inlines = [AliasesOfModel]

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ServedModel | None = None) -> bool:
        del request, obj
        return False


@admin.register(ModelAlias)
class ModelAliasAdmin(ModelAdmin):
    list_display = ["name", "model"]
    search_fields = ["name"]
    autocomplete_fields = ["model"]

    def get_readonly_fields(self, request: HttpRequest, obj: ModelAlias | None = None) -> list[str]:
        del request
        return ["name"] if obj else []  # a changed primary key would be a second alias
