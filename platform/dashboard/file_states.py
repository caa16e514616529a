"""How far a file is on its way to be answered from: a mark, a few words, a share of the work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatbots.models import Chatbot
from files.models import StoredFile
from knowledge.models import Chunk, Stage, Status, StoreFile

STAGES: Final[dict[str, str | Promise]] = {
    Stage.READING: gettext_lazy("Reading, %(done)d of %(of)d pages"),
    Stage.CUTTING: gettext_lazy("Cutting, %(done)d of %(of)d characters"),
    Stage.EMBEDDING: gettext_lazy("Embedding, %(done)d of %(of)d chunks"),
}


@dataclass(frozen=True, slots=True)
class State:
    """`kind` as <c-state> takes it; `done` of `of`, while something is counted."""

    kind: str
    words: str
    why: str = ""
    done: int = 0
    of: int = 0
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Use:
    """A file in a store, with its state and how many chunks there are."""

    row: StoreFile
    state: State
    chunks: int


@dataclass(frozen=True, slots=True)
class Row:
    """A file of the library: `users` are names of chatbots and stores; `cost`, in nano-dollars, is
    what its vectors have cost."""

    file: StoredFile
    state: State
    chunks: int | None
    users: list[str]
    cost: int = 0


def rows(organisation_id: str, files: Sequence[StoredFile]) -> list[Row]:
    """A row each, in their order, by a fixed number of queries."""
    mine = StoreFile.objects.all().for_organisation(organisation_id)
    found = uses(mine.filter(file__in=[file.pk for file in files]).order_by("created_at"))
    names = users(organisation_id, found)
    by_file: dict[str, list[Use]] = {}
    for use in found:
        by_file.setdefault(use.row.file_id, []).append(use)
    return [_row(file, by_file.get(file.pk, []), names) for file in files]


def users(organisation_id: str, found: Sequence[Use]) -> dict[str, str]:
    """By store: the chatbot whose own it is, or what the store is called."""
    stores = {use.row.store_id: use.row.store.name or use.row.store_id for use in found}
    bots = Chatbot.objects.filter(organisation_id=organisation_id, store_id__in=stores)
    return stores | dict(bots.values_list("store_id", "title"))


def _row(file: StoredFile, found: Sequence[Use], names: Mapping[str, str]) -> Row:
    """What is worst of its uses is what is said of it."""
    if not found:
        return Row(file, State("", _("Stored")), None, [])
    worst = max(found, key=lambda use: _CONCERN.get(use.row.status, 0))
    most = max(use.chunks for use in found)
    used_by = sorted({names[use.row.store_id] for use in found})
    return Row(file, worst.state, most, used_by, sum(use.row.cost_nano for use in found))


_CONCERN: Final[dict[str, int]] = {Status.FAILED: 2, Status.IN_PROGRESS: 1}


def uses(rows: QuerySet[Any]) -> list[Use]:
    """By two queries, however many there are."""
    found = list(rows.select_related("file", "store"))
    there = Chunk.objects.filter(store_file__in=[row.pk for row in found]).order_by()
    counted = dict(there.values_list("store_file").annotate(n=Count("pk")))
    return [Use(row, of(row), counted.get(row.pk, 0)) for row in found]


def of(row: StoreFile) -> State:
    if row.status == Status.COMPLETED:
        return State("live", _("Ready"))
    if row.status == Status.FAILED:
        return State("bad", _("Failed"), why=row.error_message)
    if row.status == Status.CANCELLED:
        return State("", _("Cancelled"))
    if row.is_queued:
        return State("", _("Queued"), goes_on=True)
    if not row.of:
        return State("look", _("Reading"), goes_on=True)
    words = str(STAGES[row.stage]) % {"done": row.done, "of": row.of}
    return State("look", words, done=row.done, of=row.of, goes_on=True)
