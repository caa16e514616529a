"""chat.v1, the websocket protocol between a chat widget and this server: frames and numbers.

What is written here is the only source: docs/protocol.md and docs/protocol.schema.json are made
from it, and both ends are tested against them. Knows neither Django nor a socket.
"""
