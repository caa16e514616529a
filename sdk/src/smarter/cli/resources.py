"""Resources by their verbs: `smarter chatbots list`, `smarter keys revoke key_…`.

Each resource is a line of the table: its verbs are whatever of list, get, delete it has.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from smarter import BaseModel, Smarter
from smarter.cli.credentials import client
from smarter.cli.output import Format, Shown, screen, show, show_all

Verb = Callable[[Any], Callable[..., Any]]


@dataclass(frozen=True)
class Resource:
    """What a resource is called, which of its fields a table shows, and where its verbs are."""

    name: str
    help: str
    columns: tuple[str, ...]
    of: Callable[[Smarter], Any]
    get: str = ""
    delete: str = ""
    delete_as: str = "delete"
    rename: str = ""


RESOURCES = (
    Resource(
        "chatbots", "Chatbots of the organisation.", ("name", "title", "state", "created_at"),
        lambda known: known.resources.chatbots, get="get", delete="delete", rename="update",
    ),
    Resource(
        "keys", "API keys.", ("id", "name", "redacted", "status", "budget", "last_used_at"),
        lambda known: known.resources.api_keys, get="get", delete="revoke", delete_as="revoke",
    ),
    Resource(
        "models", "Models to call.", ("id", "owned_by"),
        lambda known: known.models, get="retrieve",
    ),
    Resource(
        "batches", "Batches of requests.", ("id", "status", "endpoint", "created_at"),
        lambda known: known.batches, get="retrieve", delete="cancel", delete_as="cancel",
    ),
    Resource(
        "fine-tunings", "Fine-tuning jobs.", ("id", "status", "model", "fine_tuned_model"),
        lambda known: known.fine_tuning.jobs, get="retrieve", delete="cancel", delete_as="cancel",
    ),
    Resource(
        "stores", "Vector stores.", ("id", "name", "status", "usage_bytes"),
        lambda known: known.vector_stores, get="retrieve", delete="delete",
    ),
)  # fmt: skip

Id = Annotated[str, typer.Argument(help="Its id or name.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")]


def add_to(application: typer.Typer) -> None:
    for resource in RESOURCES:
        group = typer.Typer(help=resource.help, no_args_is_help=True)
        group.command("list", help="Lists them.")(_list(resource))
        if resource.get:
            group.command("get", help="Shows one.")(_get(resource))
        if resource.delete:
            verb = resource.delete_as
            group.command(verb, help=f"{verb.capitalize()}s one.")(_delete(resource))
        if resource.rename:
            group.command("rename", help="Gives one another name; the old one leads to it still.")(
                _rename(resource)
            )
        application.add_typer(group, name=resource.name)


def first(items: Iterable[BaseModel], limit: int) -> list[BaseModel]:
    """The first `limit` of a list that pages itself."""
    return [each for each, _ in zip(items, range(limit), strict=False)]


def _list(resource: Resource) -> Callable[..., None]:
    def list_them(limit: Limit = 50, output: Shown = Format.TABLE) -> None:
        with client() as known:
            show_all(first(resource.of(known).list(), limit), resource.columns, output)

    return list_them


def _get(resource: Resource) -> Callable[..., None]:
    def get_one(name: Id, output: Shown = Format.TABLE) -> None:
        with client() as known:
            show(getattr(resource.of(known), resource.get)(name), output)

    return get_one


def _rename(resource: Resource) -> Callable[..., None]:
    def rename_one(
        name: Id,
        to: Annotated[str, typer.Argument(help="What it is called from now on.")],
        output: Shown = Format.TABLE,
    ) -> None:
        with client() as known:
            show(getattr(resource.of(known), resource.rename)(name, name=to), output)

    return rename_one


def _delete(resource: Resource) -> Callable[..., None]:
    def delete_one(
        name: Id, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
    ) -> None:
        if not yes:
            typer.confirm(f"{resource.delete_as.capitalize()} {name}?", abort=True)
        with client() as known:
            getattr(resource.of(known), resource.delete)(name)
        screen.out(f"{name}: done ({resource.delete_as}).", highlight=False)

    return delete_one
