"""Versions: what was published, how each did, what changed, and the way back."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, Sum
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from chatbots import exchange, versions
from chatbots.configuration import Configuration
from chatbots.models import Chatbot, Conversation, Message, Version
from dashboard import chatbot_pages, differences, paging
from dashboard.access import TeamRequest
from dashboard.chatbot_build_form import BuildForm
from dashboard.chatbot_forms import EmbedForm, SettingsForm
from dashboard.chatbot_pages import author_of, chatbot_view

DRAFT = versions.DRAFT
FORMS = (BuildForm, EmbedForm, SettingsForm)
MOST_READ = 1_000
"""Conversations that the figures of versions are summed from: a bounded question."""


@require_GET
@chatbot_view()
def listed(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    page = paging.of(Version.objects.filter(chatbot=chatbot), request.GET)
    numbers = list(Version.objects.filter(chatbot=chatbot).values_list("number", flat=True)[:200])
    before = request.GET.get("from") or (str(chatbot.live.number) if chatbot.live else DRAFT)
    after = request.GET.get("to") or DRAFT
    changes = versions.diff(
        versions.configuration_of(chatbot, before), versions.configuration_of(chatbot, after)
    )
    told = [
        (named(change.field), differences.lines(change.before, change.after)) for change in changes
    ]
    every = [line for _field, found in told for line in found]
    context = {
        "page": page,
        "figures": _figures(chatbot, [row.number for row in page.rows]),
        "authors": _authors(page.rows),
        "most_read": MOST_READ,
        "numbers": numbers,
        "before": before,
        "after": after,
        "changes": told,
        "come": sum(line.kind == "come" for line in every),
        "gone": sum(line.kind == "gone" for line in every),
    }
    return chatbot_pages.shown(request, "dashboard/chatbot_versions.html", chatbot, context)


@require_POST
@chatbot_view()
def publish(request: TeamRequest, chatbot: Chatbot, number: int) -> HttpResponse:
    versions.publish_again(chatbot, number, author_of(request))
    messages.success(request, _("v%(n)d is live again.") % {"n": number})
    return redirect("dashboard:chatbot-versions", request.organisation.slug, chatbot.name)


@require_POST
@chatbot_view()
def restore(request: TeamRequest, chatbot: Chatbot, number: int) -> HttpResponse:
    versions.restore(chatbot, number)
    messages.success(request, _("The draft is v%(n)d now.") % {"n": number})
    return redirect("dashboard:chatbot", request.organisation.slug, chatbot.name)


@require_GET
@chatbot_view()
def export(_request: TeamRequest, chatbot: Chatbot, version: str) -> HttpResponse:
    """`v3` or `draft` as YAML, which an import takes back."""
    configuration = versions.configuration_of(chatbot, version.removeprefix("v"))
    text = exchange.written(Configuration.model_validate(configuration))
    name = f"{chatbot.name}-{version}.yaml"
    return HttpResponse(
        text,
        content_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def named(setting: str) -> str:
    """As the form calls it where it is changed; what stands in none has the name of the API."""
    field = setting.replace(".", "__")
    labels = [form.base_fields[field].label for form in FORMS if field in form.base_fields]
    return str(labels[0] or setting) if labels else setting


def _figures(chatbot: Chatbot, numbers: list[int]) -> dict[int, dict[str, Any]]:
    """Answers, thumbs and cost of each version, in the newest conversations."""
    newest = Conversation.objects.filter(
        organisation_id=chatbot.organisation_id, chatbot=chatbot
    ).order_by("-last_message_at")
    answers = Message.objects.filter(
        organisation_id=chatbot.organisation_id,
        conversation__in=newest.values("pk")[:MOST_READ],
        role=Message.Role.ASSISTANT,
        version__in=numbers,
    )
    summed = (
        answers.order_by()
        .values("version")
        .annotate(
            messages=Count("pk"),
            cost=Sum("cost_nano"),
            up=Count("pk", filter=Q(feedback="up")),
            down=Count("pk", filter=Q(feedback="down")),
        )
    )
    figures = {}
    for row in summed:
        thumbs = row["up"] + row["down"]
        row["liked"] = row["up"] / thumbs if thumbs else None
        row["each"] = row["cost"] // row["messages"]
        figures[row["version"]] = row
    return figures


def _authors(found: list[Version]) -> dict[str, str]:
    """Names of the people among them; a key or the system stays what it is."""
    people = User.objects.filter(pk__in={each.author for each in found})
    return {person.pk: person.name or person.email for person in people}
