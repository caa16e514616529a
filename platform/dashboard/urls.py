"""Addresses of the dashboard, mounted at /dashboard/; a team's pages stand under its slug."""

from django.urls import URLPattern, include, path

from dashboard.pages import (
    api_keys,
    billing,
    docs,
    files,
    home,
    models,
    overview,
    runs,
    status,
    styleguide,
    team,
    usage,
)

app_name = "dashboard"

pages: list[URLPattern] = [
    path("overview", overview.overview, name="overview"),
    path("files", files.files, name="files"),
    path("files/new", files.upload, name="file-upload"),
    path("files/<slug:file_id>", files.file, name="file"),
    path("files/<slug:file_id>/content", files.download, name="file-download"),
    path("files/<slug:file_id>/delete", files.delete, name="file-delete"),
    path("models", models.models, name="models"),
    path("models/<path:model_id>", models.model, name="model"),
    path("api-keys", api_keys.api_keys, name="api-keys"),
    path("api-keys/<slug:key_id>", api_keys.api_key, name="api-key"),
    path("api-keys/<slug:key_id>/rotate", api_keys.rotate, name="api-key-rotate"),
    path("api-keys/<slug:key_id>/revoke", api_keys.revoke, name="api-key-revoke"),
    path("usage", usage.usage_page, name="usage"),
    path("runs", runs.runs, name="runs"),
    path("runs/<slug:seen_id>", runs.run, name="run"),
    path("billing", billing.billing, name="billing"),
    path("billing/top-up", billing.top_up, name="billing-top-up"),
    path("billing/code", billing.redeem, name="billing-code"),
    path("billing/alert", billing.alert, name="billing-alert"),
    path("team", team.team, name="team"),
    path("team/<slug:member_id>/role", team.member_role, name="member-role"),
    path("team/<slug:member_id>/remove", team.member_removal, name="member-remove"),
    path("team/invitations/<slug:invitation_id>", team.uninvite, name="invitation-remove"),
    path("audit", team.audit, name="audit"),
    path("docs", docs.docs, name="docs"),
    path("docs/<slug:name>/", docs.doc, name="doc"),
    path("status", status.status, name="status"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("styleguide", styleguide.styleguide, name="styleguide"),
    path("<slug:organisation>/", home.team, name="team-home"),
    path("<slug:organisation>/", include(pages)),
]
