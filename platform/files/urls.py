"""Routes about files, mounted with and without /v1."""

from django.urls import path

from files import views

urlpatterns = [
    path("files", views.Files.as_view()),
    path("files/<slug:file_id>", views.File.as_view()),
    path("files/<slug:file_id>/content", views.FileContent.as_view()),
    path("uploads", views.Uploads.as_view()),
    path("uploads/<slug:upload_id>/parts", views.UploadParts.as_view()),
    path("uploads/<slug:upload_id>/complete", views.UploadCompletion.as_view()),
    path("uploads/<slug:upload_id>/cancel", views.UploadCancellation.as_view()),
]
