"""Routes of conversations, mounted with and without /v1."""

from django.urls import path

from inference.conversations import views

urlpatterns = [
    path("conversations", views.Conversations.as_view()),
    path("conversations/<slug:conversation_id>", views.SingleConversation.as_view()),
    path("conversations/<slug:conversation_id>/items", views.Items.as_view()),
    path("conversations/<slug:conversation_id>/items/<slug:item_id>", views.SingleItem.as_view()),
]
