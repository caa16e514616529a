"""Routes about batches, mounted with and without /v1."""

from django.urls import path

from inference.batches import views

urlpatterns = [
    path("batches", views.Batches.as_view()),
    path("batches/<slug:batch_id>", views.SingleBatch.as_view()),
    path("batches/<slug:batch_id>/cancel", views.BatchCancellation.as_view()),
]
