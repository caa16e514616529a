"""Routes of kept responses; their other methods are the gateway's."""

from django.urls import path

from inference.responses import views

urlpatterns = [
    path("responses/<str:response_id>", views.KeptResponse.as_view()),
    path("responses/<str:response_id>/input_items", views.InputItems.as_view()),
]
