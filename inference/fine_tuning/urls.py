"""Routes about fine-tuning, mounted with and without /v1."""

from django.urls import path

from inference.fine_tuning import views

urlpatterns = [
    path("fine_tuning/jobs", views.Jobs.as_view()),
    path("fine_tuning/jobs/<slug:job_id>", views.SingleJob.as_view()),
    path("fine_tuning/jobs/<slug:job_id>/cancel", views.Cancellation.as_view()),
    path("fine_tuning/jobs/<slug:job_id>/pause", views.Pausing.as_view()),
    path("fine_tuning/jobs/<slug:job_id>/resume", views.Resuming.as_view()),
    path("fine_tuning/jobs/<slug:job_id>/events", views.Events.as_view()),
    path("fine_tuning/jobs/<slug:job_id>/checkpoints", views.Checkpoints.as_view()),
]
