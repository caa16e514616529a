"""Answers over a websocket."""
