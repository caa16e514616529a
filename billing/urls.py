"""Routes of money, mounted with and without the /v1 prefix."""

from django.urls import path

from billing import views

urlpatterns = [
    path("balance", views.Balance.as_view(), name="balance"),
    path("usage", views.Usage.as_view(), name="usage"),
    path("ledger", views.Ledger.as_view(), name="ledger"),
    path("prices", views.Prices.as_view(), name="prices"),
    path("topups", views.TopUps.as_view(), name="topups"),
    path("generations/<str:seen_id>", views.Generation.as_view(), name="generation"),
]
