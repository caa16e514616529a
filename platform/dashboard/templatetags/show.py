"""How values are set on a page: money, counts, moments, icons, addresses of the team's pages."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from accounts import scopes
from accounts.models import APIKey, AuditEntry
from api import request_ids
from api.numbers import written
from dashboard import icons, labels, navigation, sorting
from dashboard import money as amounts

register = template.Library()
NOTHING = "\N{EN DASH}"
NO_LIMIT = 10**9
LEDGER = {
    "charge": gettext_lazy("Usage"),
    "top_up": gettext_lazy("Top-up"),
    "promo": gettext_lazy("Credit"),
    "refund": gettext_lazy("Refund"),
    "adjustment": gettext_lazy("Adjustment"),
    "expiry": gettext_lazy("Expiry"),
    "chargeback": gettext_lazy("Chargeback"),
}
RUN_STATES = {
    "settled": gettext_lazy("answered"),
    "voided": gettext_lazy("free"),
    "expired": gettext_lazy("lost"),
}
register.simple_tag(icons.icon)


@register.simple_tag
def mark() -> SafeString:
    return icons.MARK


@register.filter
def in_words(choice: str) -> str:
    """`{{ member.role|in_words }}`: a choice of a model as people read it."""
    return str(labels.WORDS.get(choice, choice))


@register.filter
def money(nano: int | None, places: int = amounts.REQUEST) -> SafeString | str:
    """`{{ charged|money:6 }}`: nano-dollars as dollars."""
    return NOTHING if nano is None else amounts.html(nano, places)


@register.filter
def rate(usd_per_million: str) -> str:
    """`{{ model.pricing.input|rate }}`: $0.060."""
    return amounts.rate(usd_per_million)


@register.filter
def signed(nano: int, places: int = amounts.REQUEST) -> SafeString | str:
    """A movement: what goes with a minus, what comes with a plus, in green."""
    if nano <= 0:
        return amounts.html(nano, places)
    return format_html('<span class="verdict-good">+{}</span>', amounts.html(nano, places))


@register.filter
def count(number: float | None) -> str:
    return NOTHING if number is None else _grouped(number)


@register.filter
def limit(a_minute: int) -> str:
    """A number that nobody reaches is no limit: a widget's key has its chatbot's own."""
    return count(a_minute) if a_minute < NO_LIMIT else NOTHING


@register.filter
def or_dash(number: int | None) -> str:
    """In a column of counts nothing is a dash."""
    return _grouped(number) if number else NOTHING


@register.filter
def size(octets: int) -> str:
    """14.2 MB."""
    amount = float(octets)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":  # noqa: PLR2004 - a kilo is a thousand
            return f"{written(amount, 0 if unit == 'B' else 1)} {unit}"
        amount /= 1000
    return ""


@register.filter
def figure(number: int, places: int | None) -> SafeString | str:
    """Of usage: money where there are places, else a count; nothing is a dash."""
    return money(number or None, places) if places else or_dash(number)


@register.filter
def cells(numbers: Iterable[int], places: int | None) -> SafeString:
    """A row's figures, made at once: a table of three months has hundreds of them."""
    cell = '<td class="number" data-value="{}">{}</td>'.format
    told = "".join(cell(number, figure(number, places)) for number in numbers)
    return mark_safe(told)  # noqa: S308 - digits and separators of ours


@register.simple_tag
def ago(moment: datetime | None, empty: str = "") -> SafeString | str:
    """`12 s ago`, with the moment itself on hover; <time-ago> keeps it true."""
    if moment is None:
        return empty or _("never")
    iso = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return format_html(
        '<time-ago><time datetime="{}" title="{}">{}</time></time-ago>', iso, iso, _since(moment)
    )


@register.simple_tag
def moment(when: datetime | None) -> SafeString | str:
    """`17:42:08`, to the second, and `21 Nov, 17:42:08` when it was another day."""
    if when is None:
        return NOTHING
    iso = when.isoformat(timespec="seconds").replace("+00:00", "Z")
    told = f"{when:%H:%M:%S}"
    if when.date() != timezone.now().date():
        told = f"{day(when)}, {told}"
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, iso, told)


@register.filter
def short_id(whole: str) -> str:
    """`gen_5b1e90ac`: enough to tell one from another."""
    kind, mark, digits = whole.partition("_" if "_" in whole else "-")
    return f"{kind}{mark}{digits[:8]}"


@register.filter
def may(key: APIKey) -> str:
    """What a key may do, in a few words."""
    if key.kind == APIKey.Kind.PUBLISHABLE:
        return _("widget")
    if set(key.scopes) == scopes.ALL:
        return _("all")
    return ", ".join(key.scopes) or _("nothing")


@register.filter
def ledger_kind(kind: str) -> str:
    return str(LEDGER.get(kind, kind))


@register.filter
def run_state(state: str) -> str:
    return str(RUN_STATES.get(state, state))


@register.simple_tag
def changes(entry: AuditEntry) -> str:
    """What an audit entry says of before and after, only where they differ."""
    before, after = entry.before or {}, entry.after or {}
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    told = (_change(name, before.get(name), after.get(name)) for name in names[:4])
    return "; ".join(told)[:200]


@register.filter
def day(moment: date | None) -> str:
    """`21 Nov`, with the year when it is another one."""
    if moment is None:
        return NOTHING
    other_year = moment.year != timezone.now().year
    when = moment.date() if isinstance(moment, datetime) else moment
    return _as_read(when, _("j M Y") if other_year else _("j M"), get_language())


@register.filter
def hour(moment: datetime) -> str:
    """`21 Nov, 14:00`."""
    return f"{day(moment)}, {moment:%H:%M}"


@register.simple_tag(takes_context=True)
def page(context: Context, name: str, *arguments: Any) -> str:
    """`{% page 'run' hold.id %}`: a page of the team that is open."""
    membership = getattr(context["request"], "membership", None) or context["frame"].membership
    return navigation.address(name, membership.organisation.slug, *arguments)


@register.simple_tag(takes_context=True)
def with_query(context: Context, **changes: Any) -> str:
    """This page's query with some parameters changed; an empty value takes one away."""
    given = {name: value for name, value in changes.items() if value not in {"", None}}
    return f"?{urlencode(_kept(context, changes) | given)}"


@register.simple_tag(takes_context=True)
def and_query(context: Context, without: str) -> str:
    """`{% and_query "from to" %}`: what of this page's query follows after others, `&by=key`."""
    kept = _kept(context, without.split())
    return f"&{urlencode(kept)}" if kept else ""


@register.simple_tag(takes_context=True)
def kept(context: Context, names: str) -> SafeString:
    """`{% kept "sort state" %}`: what of this page's query a form of other fields brings along."""
    query = context["request"].GET
    given = ((name, query[name]) for name in names.split() if query.get(name))
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', given)


@register.simple_tag(takes_context=True)
def column_head(context: Context, sort: sorting.Sort, by: str) -> dict[str, str]:
    """Where a column's head leads, and how the list is sorted by it; `by`: `-cost` where the first
    click shows the most."""
    href = with_query(context, **{sorting.PARAMETER: sort.next(by)})
    return {"href": href, "direction": sort.direction_of(by.removeprefix("-"))}


@register.simple_tag(takes_context=True)
def only(context: Context, name: str, value: str) -> str:
    """This page's query narrowed to one model, key or chatbot; an empty value widens it again."""
    return with_query(context, **{name: value})


@register.simple_tag
def request_id() -> str:
    return request_ids.current()


@register.simple_tag
def share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else ""


@register.filter
def whole(number: float | str | None) -> str:
    """A figure of what was never measured reaches a filter as an empty string."""
    return NOTHING if number is None or isinstance(number, str) else written(number)


@register.filter
def get(mapping: Mapping[Any, Any], key: Any) -> Any:
    return mapping.get(key)


@register.filter
def percent(share: float) -> str:
    return f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


@lru_cache(maxsize=4096)
def _as_read(day: date, form: str, _language: str | None) -> str:
    """The same few hundred days stand on all pages, in a row for each day on some."""
    return date_format(day, form)


def _grouped(number: float) -> str:
    """Its decimals, where it has any, stay as they are."""
    return written(number, len(f"{number}".partition(".")[2]))


def _kept(context: Context, without: Iterable[str]) -> dict[str, str]:
    gone = {"after", "before", *without}  # another filter begins at the first page
    return {name: value for name, value in context["request"].GET.items() if name not in gone}


def _since(moment: datetime) -> str:
    seconds = max(int((timezone.now() - moment).total_seconds()), 0)
    if seconds < 60:  # noqa: PLR2004 - a minute
        return _("%(n)d s ago") % {"n": seconds}
    if seconds < 3600:  # noqa: PLR2004 - an hour
        return _("%(n)d min ago") % {"n": seconds // 60}
    if seconds < 86_400:  # noqa: PLR2004 - a day
        return _("%(n)d h ago") % {"n": seconds // 3600}
    return day(moment)


def _change(name: str, before: object, after: object) -> str:
    """`enabled: no → yes`; what was not there before, or is gone, has one side."""
    sides = [_said(fact) for fact in (before, after) if fact not in (None, "", [])]
    arrow = " \N{RIGHTWARDS ARROW} "
    return f"{name}: {arrow.join(sides) or NOTHING}"


def _said(fact: object) -> str:
    if isinstance(fact, bool):
        return _("yes") if fact else _("no")
    return (", ".join(map(str, fact)) if isinstance(fact, list) else str(fact))[:60]
