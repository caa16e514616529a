"""Routes of the Django side: resources (with and without /v1), admin, API description."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from dashboard import front, guides

resources: list[URLPattern | URLResolver] = [
    path("", include("accounts.urls")),
    path("", include("inference.urls")),
    path("", include("billing.urls")),
    path("", include("files.urls")),
    path("", include("inference.batches.urls")),
    path("", include("inference.fine_tuning.urls")),
    path("", include("knowledge.urls")),
    path("", include("manifests.urls")),
    path("", include("chatbots.urls")),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", front.front, name="front"),
    path("admin/", admin.site.urls),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("docs/guides/", guides.index, name="guides"),
    path("docs/guides/<slug:name>/", guides.page, name="guide"),
    path("docs/guides/<slug:name>.md", guides.markdown, name="guide-markdown"),
    path("llms.txt", guides.llms, name="llms"),
    path("dashboard/", include("dashboard.urls")),
    path("", include("accounts.browser.urls")),
    path("", include("billing.payments.urls")),
    path("", include("chatbots.hosted.urls")),
    path("v1/", include(resources)),
    path("", include(resources)),
]

handler400 = "api.exception_handler.bad_request"
handler403 = "api.exception_handler.forbidden"
handler404 = "api.exception_handler.not_found"
handler500 = "api.exception_handler.server_error"
