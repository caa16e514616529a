"""Routes of accounts, mounted with and without the /v1 prefix."""

from django.urls import path

from accounts import invitation_views, views, webhook_views

urlpatterns = [
    path("me", views.Me.as_view(), name="me"),
    path("organisation", views.CurrentOrganisation.as_view(), name="organisation"),
    path("members", views.Members.as_view(), name="members"),
    path("members/<slug:member_id>", invitation_views.SingleMember.as_view(), name="member"),
    path("invitations", invitation_views.Invitations.as_view(), name="invitations"),
    path(
        "invitations/<slug:invitation_id>",
        invitation_views.SingleInvitation.as_view(),
        name="single-invitation",
    ),
    path("webhooks", webhook_views.Webhooks.as_view(), name="webhooks"),
    path("webhooks/<slug:webhook_id>", webhook_views.SingleWebhook.as_view(), name="webhook"),
    path(
        "webhooks/<slug:webhook_id>/deliveries",
        webhook_views.Deliveries.as_view(),
        name="webhook-deliveries",
    ),
    path("api_keys", views.APIKeys.as_view(), name="api-keys"),
    path("api_keys/<slug:key_id>", views.SingleAPIKey.as_view(), name="api-key"),
    path("api_keys/<slug:key_id>/rotations", views.Rotations.as_view(), name="api-key-rotations"),
]
