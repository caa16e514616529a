"""Routes about vector stores, mounted with and without /v1."""

from django.urls import path

from knowledge import views

STORE = "vector_stores/<slug:store_id>"
BATCH = f"{STORE}/file_batches/<slug:file_batch_id>"

urlpatterns = [
    path("vector_stores", views.Stores.as_view()),
    path(STORE, views.Store.as_view()),
    path(f"{STORE}/search", views.Search.as_view()),
    path(f"{STORE}/files", views.Files.as_view()),
    path(f"{STORE}/files/<slug:file_id>", views.File.as_view()),
    path(f"{STORE}/files/<slug:file_id>/content", views.FileContent.as_view()),
    path(f"{STORE}/file_batches", views.FileBatches.as_view()),
    path(BATCH, views.FileBatch.as_view()),
    path(f"{BATCH}/cancel", views.FileBatchCancellation.as_view()),
    path(f"{BATCH}/files", views.FileBatchFiles.as_view()),
]
