"""The checks by name: each is a rule of the wire that a site keeps, or an AssertionError."""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

from tests.wire.raw import Site

Check = Callable[[Site], None]
CHECKS: dict[str, Check] = {}
OF_ANY_MODEL: list[str] = []
"""Those that ask nothing which only the scripted model can answer."""


def check(rule: Check) -> Check:
    assert rule.__name__ not in CHECKS
    CHECKS[rule.__name__] = rule
    return rule


def check_of_any_model(rule: Check) -> Check:
    OF_ANY_MODEL.append(rule.__name__)
    return check(rule)


def fill() -> None:
    """Import every module of checks and mistakes; they register themselves."""
    for package in ("checks", "mistakes"):
        for module in pkgutil.iter_modules([str(Path(__file__).parent / package)]):
            importlib.import_module(f"tests.wire.{package}.{module.name}")
