"""Which paths open a chat websocket; any other is accepted and closed with 4404."""

from channels.routing import URLRouter
from django.urls import path, re_path

from chatbots.consumers.chat import ChatConsumer
from chatbots.consumers.nowhere import Nowhere

PREFIX = "/ws/"
application = URLRouter(
    [
        # Channels' routes are Django's, with ASGI applications where those have views.
        path("ws/chatbots/<slug:name>/", ChatConsumer.as_asgi()),  # type: ignore[arg-type,list-item]
        re_path(r"", Nowhere.as_asgi()),  # type: ignore[arg-type,list-item] # as above
    ]
)
