"""What is read of a model's folder before anything of it is loaded, and how it is refused."""

import json
from pathlib import Path
from typing import Any

MAX_JSON_BYTES = 64 * 1024**2


class ModelRefused(Exception):
    """The model is unsafe, unsupported or damaged; the text gives every reason that was found."""


def read_json(path: Path) -> dict[str, Any]:
    content = read_any(path)
    if not isinstance(content, dict):
        raise ModelRefused(f"{path.name} must hold a JSON object.")
    return content


def read_any(path: Path) -> object:
    if not path.is_file():
        raise ModelRefused(f"{path.name} is missing.")
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ModelRefused(f"{path.name} is larger than {MAX_JSON_BYTES // 1024**2} MB.")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelRefused(f"{path.name} is not readable JSON.") from error
