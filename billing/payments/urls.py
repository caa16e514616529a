"""Pages of payments, and the door for the provider's events."""

from django.urls import path

from billing.payments import views

urlpatterns = [
    path("payments/stripe/events", views.stripe_webhook, name="stripe-events"),
    path("payments/<slug:payment_id>/test", views.fake_checkout, name="fake-checkout"),
    path("payments/<slug:payment_id>/leaving", views.leaving, name="payment-leaving"),
]
