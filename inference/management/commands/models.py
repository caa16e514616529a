"""`manage.py models`: add, list and remove what this server serves, while it runs."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from billing import pricing
from billing.models.price import MOST_PICO
from inference import installing, prices
from inference.downloading import DownloadFailed
from inference.engines.remote import BadRemote, RemoteAddress
from inference.hub import HubRefused
from inference.installing import Offer, Refused
from inference.models import ServedModel
from inference.vetting import MAX_CONTEXT, ModelRefused


class Command(BaseCommand):
    help = "The models that this server serves; changes are seen within two seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        _add_arguments_of_add(actions.add_parser("add", help="serve a model, or change one"))
        actions.add_parser("list", help="every row of the catalog")
        remove = actions.add_parser("remove", help="stop serving a model, delete its download")
        remove.add_argument("id")
        alias = actions.add_parser("alias", help="another name of a model, at the same price")
        alias.add_argument("name")
        alias.add_argument("id", nargs="?", help="the model that the name means from now on")
        alias.add_argument("--remove", action="store_true", help="forget the name")

    def handle(self, *_args: object, action: str, **options: Any) -> None:
        actions: dict[str, Callable[..., None]] = {
            "add": self.add, "list": self.list, "remove": self.remove, "alias": self.alias,
        }  # fmt: skip
        try:
            actions[action](**options)
        except (Refused, ModelRefused, HubRefused, DownloadFailed, OSError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as stop:
            raise CommandError("Stopped. The same command goes on where this one was.") from stop

    def add(self, **options: Any) -> None:
        offer = _offer(options)
        warnings: list[str] = []
        if options["path"]:
            warnings = installing.from_folder(offer, options["path"])
        elif options["repo"]:
            with _progress() as progress:
                warnings = installing.from_hub(
                    offer, options["repo"], options["revision"], progress
                )
        elif options["remote"]:
            warnings = installing.from_remote(offer, _address(options))
        else:
            installing.from_engine(offer, " ".join(options["engine"]))
        for warning in warnings:
            self.stderr.write(warning)
        self.stdout.write(f"{offer.model_id} is installed.")

    def list(self, **_options: Any) -> None:
        rows = ServedModel.objects.prefetch_related("aliases")
        costs = prices.in_force(row.id for row in rows)
        table = [("MODEL", "STATUS", "CONTEXT", "INPUT $/M", "OUTPUT $/M", "ALIASES", "ENGINE")]
        for row in rows:
            cost = costs.get(row.id)
            table.append(
                (
                    row.id,
                    row.state,
                    str(row.context_window),
                    pricing.usd_per_million(cost.input) if cost else "-",
                    pricing.usd_per_million(cost.output) if cost else "-",
                    ",".join(alias.name for alias in row.aliases.all()) or "-",
                    row.engine or "-",
                )
            )
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for line in table:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())
        for row in rows.filter(state=ServedModel.State.FAILED):
            self.stdout.write(f"{row.id} failed: {row.failure}")

    def remove(self, *, id: str, **_options: Any) -> None:  # noqa: A002 - the argument's name
        self.stdout.write(installing.remove(id))

    def alias(self, *, name: str, id: str | None, remove: bool, **_options: Any) -> None:  # noqa: A002 - as above
        if remove:
            installing.remove_alias(name)
            self.stdout.write(f"{name} is no alias any more.")
        elif id is None:
            raise CommandError("Name the model: models alias NAME ID (or --remove).")
        else:
            installing.give_alias(name, id)
            self.stdout.write(f"{name} now means {id}, at its price.")


def _add_arguments_of_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="the name that calls use")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--path", type=Path, help="a folder with safetensors weights")
    source.add_argument("--repo", metavar="NAME", help="a repository of the hub, as owner/name")
    source.add_argument(
        "--engine",
        action="append",
        metavar="ADDRESS",
        help="engine:tcp:… or engine:unix:…, one a replica | ray://… | scripted:",
    )
    source.add_argument(
        "--remote", action="append", metavar="URL", help="http://HOST:PORT/v1; one a replica"
    )
    _add_arguments_of_remote(parser)
    parser.add_argument("--revision", default="main", help="branch, tag or commit of --repo")
    parser.add_argument("--input-price", type=_price, metavar="USD", help="per million tokens")
    parser.add_argument("--output-price", type=_price, metavar="USD", help="per million tokens")
    parser.add_argument(
        "--cached-input-price", type=_price, metavar="USD", help="default: the input price"
    )
    parser.add_argument("--context", type=_count, metavar="N", help="default: as its config.json")
    parser.add_argument(
        "--default-max-output", type=_count, metavar="N", help="for calls without max_tokens"
    )
    parser.add_argument("--provider")
    parser.add_argument("--best-for")
    parser.add_argument("--alias", action="append", default=[], metavar="NAME", help="repeatable")


def _add_arguments_of_remote(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--remote-model", metavar="NAME", help="its name there (default: ID)")
    parser.add_argument("--key-env", metavar="VARIABLE", help="where the key for --remote stands")
    usage = parser.add_mutually_exclusive_group()
    usage.add_argument("--usage-each", action="store_true", help="ask for usage with every piece")
    usage.add_argument(
        "--usage-by-pieces", action="store_true", help="a piece is a token: no usage is told"
    )
    parser.add_argument("--count-there", action="store_true", help="prompts, by POST /tokenize")


def _address(options: dict[str, Any]) -> RemoteAddress:
    words = list(options["remote"])
    words += [f"model={options['remote_model']}"] if options["remote_model"] else []
    words += [f"key_env={options['key_env']}"] if options["key_env"] else []
    words += ["usage=each"] if options["usage_each"] else []
    words += ["usage=pieces"] if options["usage_by_pieces"] else []
    words += ["count=tokenize"] if options["count_there"] else []
    try:
        return RemoteAddress.read(" ".join(words))
    except BadRemote as error:
        raise CommandError(str(error)) from error


def _offer(options: dict[str, Any]) -> Offer:
    return Offer(
        model_id=options["id"],
        price=_price_of(options),
        context_window=options["context"],
        default_max_output=options["default_max_output"],
        provider=options["provider"],
        best_for=options["best_for"],
        aliases=tuple(options["alias"]),
    )


def _price_of(options: dict[str, Any]) -> pricing.Price | None:
    paid, earned = options["input_price"], options["output_price"]
    cached = options["cached_input_price"]
    if paid is None and earned is None and cached is None:
        return None
    if paid is None or earned is None:
        raise CommandError("Give --input-price and --output-price together.")
    if cached is not None and cached > paid:
        raise CommandError("--cached-input-price cannot be above --input-price.")
    return pricing.Price(paid, paid if cached is None else cached, earned)


def _price(text: str) -> int:
    try:
        pico = pricing.price_per_million(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"no price in USD per million tokens: {error}") from None
    if not 0 <= pico <= MOST_PICO:
        raise argparse.ArgumentTypeError("a price is between 0 and 1000 USD per million tokens")
    return pico


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MAX_CONTEXT:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of tokens")
    return int(text)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
