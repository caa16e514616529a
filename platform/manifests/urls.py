"""Routes of manifests, mounted with and without the /v1 prefix."""

from django.urls import path

from manifests import views

urlpatterns = [
    path("manifests", views.Manifests.as_view(), name="manifests"),
    path("manifests/<str:kind>", views.ManifestsOfKind.as_view(), name="manifests-of-kind"),
    path("manifests/<str:kind>/<path:name>", views.SingleManifest.as_view(), name="manifest"),
    path("manifest_kinds", views.Kinds.as_view(), name="manifest-kinds"),
    path("manifest_kinds/<str:kind>", views.SingleKind.as_view(), name="manifest-kind"),
]
