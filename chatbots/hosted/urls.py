"""Routes of what browsers of strangers ask for."""

from django.urls import path

from chatbots.hosted import files, page

urlpatterns = [
    path("widget/v1/chat.js", files.chat, name="widget"),
    path("widget/v1/chat.json", files.about, name="widget-about"),
    path("widget/v1/chat.<slug:digest>.js", files.pinned, name="widget-pinned"),
    path("widget/v1/hosted.css", files.style, name="hosted-style"),
    path("widget/v1/hosted.js", files.entrance, name="hosted-script"),
    path("c/<slug:slug>", page.chat, name="hosted-chat"),
]
