"""Keys never reach a log, wherever in a line they stand."""

import io
import logging
import logging.config

import pytest
import structlog

from config import logs

KEY = "sk-h1VUhOMlnihshbZmacHDO1bdHJFTN76zuKkB3n3Q2c"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the configured handler would write to stderr."""
    written = io.StringIO()
    formatter = logs.settings(as_json=True, level="INFO")["formatters"]["lines"]
    handler = logging.StreamHandler(written)
    made = {name: value for name, value in formatter.items() if name != "()"}
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(**made))
    log = logging.getLogger("tests.logs")
    monkeypatch.setattr(log, "handlers", [handler])
    monkeypatch.setattr(log, "propagate", False)
    return written


def test_a_key_in_the_words_the_arguments_or_a_traceback_is_blotted_out(
    lines: io.StringIO,
) -> None:
    log = logging.getLogger("tests.logs")
    log.warning("used %s by %s", KEY, {"key": KEY})
    try:
        int(KEY)
    except ValueError:
        log.exception("failed")
    assert KEY[3:] not in lines.getvalue()
    assert lines.getvalue().count("sk-…") >= 3


def test_fields_of_structured_lines_are_blotted_out_at_any_depth() -> None:
    event = logs.redact(None, "info", {"event": "x", "deep": [{"key": KEY}, "whsec_abcdefgh"]})
    assert event == {"event": "x", "deep": [{"key": "sk-…"}, "whsec_…"]}


def test_what_is_no_key_stays_readable() -> None:
    event = {"event": "task-1 skipped: risk-free", "count": 3}
    assert logs.redact(None, "info", dict(event)) == event
