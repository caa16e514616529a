"""Responses over a websocket: OpenAI's websocket mode, at the path of `POST /v1/responses`.

Every turn is a frame `response.create` with the fields of that call; its events come as frames,
one each. Source: https://developers.openai.com/api/docs/guides/websocket-mode
"""
