"""Routes that belong to no resource."""

from django.urls import path

from api import health

urlpatterns = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
]
