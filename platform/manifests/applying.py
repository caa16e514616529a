"""Applying manifests: all of them, in the order in which they need each other, or none."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from typing import Any, Literal

import yaml
from django.db import transaction

from accounts.actor import Actor
from api.errors import NotFound
from manifests.kind import Kind
from manifests.kinds import KINDS
from manifests.reading import API_VERSION, Manifest

Action = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What applying one manifest did, or in a dry run would do."""

    kind: str
    name: str
    action: Action
    diff: str
    secrets: Mapping[str, str] = field(default_factory=dict)


def apply(actor: Actor, asked: Sequence[Manifest], *, dry_run: bool = False) -> list[Outcome]:
    """Raises at the first manifest that cannot be applied; then none is.

    A dry run does everything and takes it back, so it fails where the real one would.
    """
    _refuse_twice(asked)
    order = list(KINDS)
    ordered = sorted(asked, key=lambda each: order.index(_kind_of(each).name))
    with ExitStack() as undo:
        with transaction.atomic():
            done = [_applied(actor, each, undo) for each in ordered]
            if dry_run:
                transaction.set_rollback(True)
        if not dry_run:
            undo.pop_all()
    if dry_run:  # a secret that was taken back opens nothing
        return [replace(each, secrets={}) for each in done]
    return done


def describe(actor: Actor, kind_name: str, name: str) -> dict[str, Any]:
    """The manifest of a resource, with its status. Raises NotFound."""
    kind, row = _found(actor, kind_name, name)
    return {**_document(kind, name, kind.spec(row)), "status": kind.status(row)}


@transaction.atomic
def delete(actor: Actor, kind_name: str, name: str) -> None:
    kind, row = _found(actor, kind_name, name)
    kind.delete(actor, row)


def listed(actor: Actor, kind_name: str) -> list[str]:
    kind = known(kind_name)
    kind.require(actor)
    return kind.names(actor)


def known(kind_name: str) -> Kind[Any]:
    """A kind by its name, however it is capitalised. Raises NotFound."""
    for name, kind in KINDS.items():
        if name.lower() == kind_name.lower():
            return kind
    told = f"There is no kind of this name; there are {', '.join(KINDS)}."
    raise NotFound(told, hint="See them with GET /v1/manifest_kinds.")


def example(kind: Kind[Any]) -> dict[str, Any]:
    return _document(kind, *kind.example)


def _document(kind: Kind[Any], name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION, "kind": kind.name, "metadata": {"name": name},
        "spec": dict(spec),
    }  # fmt: skip


def _applied(actor: Actor, manifest: Manifest, undo: ExitStack) -> Outcome:
    kind = _kind_of(manifest)
    kind.require(actor)
    row = kind.find(actor, manifest.name)
    before = {} if row is None else kind.spec(row)
    made = kind.apply(actor, row, manifest, undo)
    diff = _diff(kind.name, manifest.name, before, kind.spec(made.row))
    action: Action = "created" if row is None else "changed" if diff else "unchanged"
    return Outcome(kind.name, manifest.name, action, diff, made.secrets)


def _diff(kind: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return "".join(
        unified_diff(
            _lines(before), _lines(after), f"{kind}/{name} (now)", f"{kind}/{name} (applied)"
        )
    )


def _lines(spec: Mapping[str, Any]) -> list[str]:
    text = yaml.safe_dump(dict(spec), allow_unicode=True, width=100) if spec else ""
    return text.splitlines(keepends=True)


def _kind_of(manifest: Manifest) -> Kind[Any]:
    if manifest.kind not in KINDS:
        known_kinds = ", ".join(KINDS)
        raise manifest.misplaced(f"There is no kind {manifest.kind}; there are {known_kinds}.")
    return KINDS[manifest.kind]


def _found(actor: Actor, kind_name: str, name: str) -> tuple[Kind[Any], Any]:
    kind = known(kind_name)
    kind.require(actor)
    row = kind.find(actor, name)
    if row is None:
        names = f"List them with GET /v1/manifests/{kind.name}."
        raise NotFound(f"There is no {kind.name} of this name.", hint=names)
    return kind, row


def _refuse_twice(asked: Iterable[Manifest]) -> None:
    seen: dict[tuple[str, str], Manifest] = {}
    for each in asked:
        if other := seen.get((each.kind, each.name)):
            raise each.wrong(f"{each.kind}/{each.name} stands in {other.file} already.")
        seen[each.kind, each.name] = each
