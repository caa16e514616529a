"""Organisations from the command line, also while the server runs."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.db import transaction

from accounts import registration
from billing import accounts, adjusting, pricing


class Command(BaseCommand):
    help = "Create an organisation with an owner, a key with limits, and credit."
    requires_system_checks: list[str] = []  # `make check` asks them

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="a new organisation, its owner and its first key")
        create.add_argument("name")
        create.add_argument("--email", help="the owner's address (default: one is made up)")
        create.add_argument("--credit", type=_nano, default=0, metavar="USD")
        create.add_argument("--requests-per-minute", type=_limit, default=60, metavar="N")
        create.add_argument("--tokens-per-minute", type=_limit, default=150_000, metavar="N")
        create.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            made = _create(options)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        facts = {
            "organisation": made.organisation.id,
            "email": made.user.email,
            "password": made.password,
            "api_key": made.api_key,
        }
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        for name, value in facts.items():
            self.stdout.write(f"{name.replace('_', ' '):<14}{value or '(as before)'}")
        self.stdout.write("\nPassword and key are shown only now.")


@transaction.atomic
def _create(options: dict[str, Any]) -> registration.Registration:
    made = registration.create_organisation(
        options["name"],
        options["email"],
        requests_per_minute=options["requests_per_minute"],
        tokens_per_minute=options["tokens_per_minute"],
    )
    accounts.open_account(made.organisation)
    if options["credit"]:
        adjusting.adjust(
            made.organisation,
            options["credit"],
            f"opening:{made.organisation.id}",
            actor="command line",
            note="Opening credit",
        )
    return made


def _nano(text: str) -> int:
    try:
        amount = pricing.nano(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    if amount < 0:
        raise ArgumentTypeError("credit cannot be negative")
    return amount


def _limit(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**31:
        raise ArgumentTypeError(f"{text!r} is no limit: give a whole number above zero")
    return int(text)
