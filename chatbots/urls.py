"""Routes about chatbots, mounted with and without /v1, and once more under /resources."""

from django.urls import URLPattern, URLResolver, include, path

from chatbots.views import chatbots, conversations, files, versions

ONE = "chatbots/<slug:chatbot>"
CHAT = f"{ONE}/conversations/<slug:chat_id>"

resources: list[URLPattern | URLResolver] = [
    path("chatbots", chatbots.Chatbots.as_view()),
    path(ONE, chatbots.SingleChatbot.as_view()),
    path(f"{ONE}/pause", chatbots.Pause.as_view()),
    path(f"{ONE}/resume", chatbots.Resume.as_view()),
    path(f"{ONE}/publishable_key/rotate", chatbots.KeyRotation.as_view()),
    path(f"{ONE}/identity_secret", chatbots.Identity.as_view()),
    path(f"{ONE}/export", chatbots.Export.as_view()),
    path(f"{ONE}/import", chatbots.Import.as_view()),
    path(f"{ONE}/diff", versions.Diff.as_view()),
    path(f"{ONE}/versions", versions.Versions.as_view()),
    path(f"{ONE}/versions/<int:number>", versions.SingleVersion.as_view()),
    path(f"{ONE}/versions/<int:number>/restore", versions.Restoration.as_view()),
    path(f"{ONE}/versions/<int:number>/publish", versions.Republication.as_view()),
    path(f"{ONE}/files", files.Files.as_view()),
    path(f"{ONE}/files/<slug:file_id>", files.SingleFile.as_view()),
    path(f"{ONE}/conversations", conversations.Conversations.as_view()),
    path(CHAT, conversations.SingleConversation.as_view()),
    path(f"{CHAT}/messages", conversations.Messages.as_view()),
    path(f"{CHAT}/messages/<slug:message_id>/feedback", conversations.Feedback.as_view()),
    path(f"{ONE}/visitors/<slug:visitor_id>", conversations.SingleVisitor.as_view()),
]
urlpatterns: list[URLPattern | URLResolver] = [
    *resources,
    path("resources/", include(resources)),
]
