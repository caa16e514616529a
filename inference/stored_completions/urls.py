"""Routes of stored chat completions, mounted with and without /v1; creating is the gateway's."""

from django.urls import path

from inference.stored_completions import views

urlpatterns = [
    path("chat/completions", views.StoredCompletions.as_view()),
    path("chat/completions/<slug:completion_id>", views.SingleStoredCompletion.as_view()),
    path("chat/completions/<slug:completion_id>/messages", views.StoredMessages.as_view()),
]
