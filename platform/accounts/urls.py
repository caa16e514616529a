"""Routes of accounts, mounted with and without the /v1 prefix."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("me", views.Me.as_view(), name="me"),
    path("organisation", views.CurrentOrganisation.as_view(), name="organisation"),
    path("members", views.Members.as_view(), name="members"),
    path("api_keys", views.APIKeys.as_view(), name="api-keys"),
    path("api_keys/<slug:key_id>", views.SingleAPIKey.as_view(), name="api-key"),
    path("api_keys/<slug:key_id>/rotations", views.Rotations.as_view(), name="api-key-rotations"),
]
