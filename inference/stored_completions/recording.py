"""A chat completion becomes a row when its Run is over, whether anybody still listened or not."""

import json
import re
from typing import Any, Final

from psycopg.types.json import Jsonb

from api import database
from inference.models.kept import KEPT_FOR
from inference.schemas.chat_completions import ChatCompletionRequest

SETTINGS: Final = (
    "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "tools",
    "tool_choice", "response_format", "user",
)  # fmt: skip
_KEEP: Final = """
    INSERT INTO inference_storedcompletion
           (id, organisation_id, model, metadata, messages, settings, answer,
            created_at, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, statement_timestamp(), statement_timestamp() + %s)
    ON CONFLICT (id) DO NOTHING
"""
# A model may say it, JSON may write it so, and no text of the database can hold it.
_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


async def keep(organisation_id: str, asked: ChatCompletionRequest, answer: bytes) -> None:
    """Store `answer` as it was sent; a second time changes nothing. Raises DatabaseUnavailable."""
    sent: dict[str, Any] = json.loads(_NUL.sub(r"\1\\ufffd", answer.decode()))
    request = asked.model_dump(mode="json", by_alias=True, exclude_unset=True)
    row = (
        sent["id"],
        organisation_id,
        sent["model"],
        Jsonb(request.get("metadata") or {}),
        Jsonb(request["messages"]),
        Jsonb({name: request[name] for name in SETTINGS if request.get(name) is not None}),
        Jsonb(sent),
        KEPT_FOR,
    )
    async with database.connection() as connection:
        await connection.execute(_KEEP, row)
