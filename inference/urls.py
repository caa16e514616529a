"""Routes about models, mounted with and without /v1 (ids hold ':' and '/')."""

from django.urls import include, path

from inference import views

urlpatterns = [
    path("", include("inference.conversations.urls")),
    path("", include("inference.responses.urls")),
    path("", include("inference.stored_completions.urls")),
    path("models", views.ListedModels.as_view()),
    path("models/<path:model_id>", views.ListedModel.as_view()),
    path("model/info", views.ModelInfo.as_view()),
]
