"""From the input file to rows, one a line; what makes the whole file useless fails the batch."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.db import connection, transaction
from django.db.models.functions import Now

from api.errors import InvalidRequest
from files import lines, storage
from files.models import StoredFile
from inference.batches.asking import EMBEDDINGS
from inference.batches.models import Batch, Line
from inference.schemas.embeddings import kind_of_input

MOST_ERRORS: Final = 20
LONGEST_MODEL: Final = 200
MOST_INPUTS: Final = 50_000  # of all embedding requests together, as OpenAI has it
TOO_MANY_INPUTS: Final = f"The inputs of all lines are more than {MOST_INPUTS:,}. Split the file."
_COPY: Final = (
    "COPY batches_line (batch_id, number, custom_id, model, body, state, attempts, hold_id, answer)"
    " FROM STDIN"
)
Error = dict[str, Any]


class Refused(Exception):
    def __init__(self, errors: Sequence[Error]) -> None:
        super().__init__(errors)
        self.errors = list(errors)


def validate(batch: Batch) -> None:
    """`in_progress` with all of its lines, or `failed` with the reasons; once, whatever crashes."""
    try:
        with transaction.atomic():
            first = _insert(batch)
            batch.renew()
            begun = {"total": first[0], "model": first[1], "in_progress_at": Now()}
            if not batch.advance(Batch.Status.VALIDATING, Batch.Status.IN_PROGRESS, **begun):
                transaction.set_rollback(True)  # cancelled meanwhile, or somebody else's
    except Refused as refused:
        failed = {"errors": refused.errors, "failed_at": Now(), "lease_until": None}
        batch.advance(Batch.Status.VALIDATING, Batch.Status.FAILED, **failed)


def error(code: str, message: str, line: int | None = None, param: str | None = None) -> Error:
    """As it stands in `errors.data`."""
    return {"code": code, "line": line, "message": message, "param": param}


def _insert(batch: Batch) -> tuple[int, str]:
    """How many lines, and the model of the first."""
    stored = StoredFile.objects.all().for_organisation(batch.organisation_id)
    file = stored.filter(pk=batch.input_file_id, purpose=StoredFile.Purpose.BATCH).first()
    if file is None:
        raise Refused([error("file_not_found", "The input file is gone.", param="input_file_id")])
    wrong: list[Error] = []
    count, inputs, model = 0, 0, ""
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for number, line in _lines(file):
            if line["url"] != batch.endpoint:
                wrong.append(_wrong_url(number, batch.endpoint))
                if len(wrong) == MOST_ERRORS:
                    break
            named = _model(line)
            model, count = (model if count else named), count + 1
            inputs += _inputs(line["body"]) if batch.endpoint == EMBEDDINGS else 0
            body = json.dumps(line["body"], ensure_ascii=False)
            row = (number, line["custom_id"], named, body, Line.State.PENDING, 0, "", "")
            copy.write_row((batch.id, *row))
        if inputs > MOST_INPUTS:
            wrong.append(error("too_many_inputs", TOO_MANY_INPUTS, param="input"))
        if wrong:
            raise Refused(wrong)
    return count, model


def _lines(file: StoredFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """The upload has looked at them already; the storage may have been changed since."""
    try:
        with storage.open_file(file.storage_name) as stream:
            yield from lines.objects(stream)
    except OSError as problem:
        message = "The input file cannot be read."
        raise Refused([error("file_not_found", message, param="input_file_id")]) from problem
    except InvalidRequest as problem:
        named = re.match(r"Line (\d+)", problem.message)
        line = int(named[1]) if named else None
        raise Refused([error("invalid_json_line", problem.message, line)]) from problem


def _wrong_url(number: int, endpoint: str) -> Error:
    message = f"The url of this request is not the batch's endpoint, {endpoint}."
    return error("invalid_url", message, number, "url")


def _inputs(body: dict[str, Any]) -> int:
    """How many vectors it will be answered with."""
    asked = body.get("input")
    if isinstance(asked, list) and kind_of_input(asked) in {"(strings)", "(token lists)"}:
        return len(asked)
    return 1


def _model(line: dict[str, Any]) -> str:
    named = line["body"].get("model")
    return named[:LONGEST_MODEL] if isinstance(named, str) else ""
