"""multipart/form-data with OpenAI's bracketed names: `expires_after[seconds]` is a field of one."""

import re
from collections.abc import Mapping
from typing import IO, Any, Final

from django.http import QueryDict
from rest_framework.parsers import MultiPartParser

from api.errors import InvalidRequest

_BRACKETED: Final = re.compile(r"(\w{1,64})\[(\w{1,64})\]")


class FormParser(MultiPartParser):
    """Gives a plain dictionary of fields and files."""

    def parse(  # type: ignore[override]  # a dictionary is what serializers want
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        parsed = super().parse(stream, media_type, dict(parser_context or {}))
        fields: dict[str, Any] = {}
        for name, value in (*_single(parsed.data), *_single(parsed.files)):
            whole = _BRACKETED.fullmatch(name)
            if whole is None:
                fields[name] = value
            else:
                inner = fields.setdefault(whole[1], {})
                if isinstance(inner, dict):
                    inner[whole[2]] = value
        return fields


def _single(values: QueryDict | Mapping[str, Any]) -> list[tuple[str, Any]]:
    lists = getattr(values, "lists", None)
    pairs = list(lists()) if lists else [(name, [value]) for name, value in values.items()]
    for name, given in pairs:
        if len(given) > 1:
            raise InvalidRequest(f"'{name[:64]}' was sent {len(given)} times.", param=name[:64])
    return [(name, given[0]) for name, given in pairs]
