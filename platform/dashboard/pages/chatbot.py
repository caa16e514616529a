"""Build: the draft on the left, the real widget on the draft on the right; publish, pause, code."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from billing.pricing import usd_per_million
from chatbots import making, versions
from chatbots.models import Chatbot
from dashboard import chatbot_code, chatbot_pages, prompt_size
from dashboard.access import TeamRequest, actor_of
from dashboard.chatbot_build_form import VARIABLES_SHOWN, BuildForm
from dashboard.chatbot_pages import author_of, chatbot_view
from dashboard.pages import chatbot_knowledge
from inference import catalog, prices

CONFLICT = 409


@chatbot_view()
def build(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    models = chatbot_pages.models(request)
    if request.method != "POST":
        return _page(request, chatbot, BuildForm(draft=chatbot.draft, models=models))
    form = BuildForm(request.POST, draft=chatbot.draft, models=models)
    known = request.POST.get("over") or request.POST.get("seen", _seen(chatbot))
    if known != _seen(chatbot):
        return _conflict(request, chatbot, form)
    draft = chatbot_pages.save(chatbot, form)
    if request.headers.get("HX-Request"):
        told = {
            "form": form,
            "saved": draft.saved,
            **chatbot_pages.head(draft.chatbot),
            **_told(request, draft.chatbot),
            "is_part": True,
        }
        return render(request, "dashboard/chatbot_saved.html", told)
    if draft.saved:
        messages.success(request, chatbot_pages.said(draft))
        return redirect("dashboard:chatbot", request.organisation.slug, chatbot.name)
    return _page(request, chatbot, form, status=422)


@require_POST
@chatbot_view()
def publish(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """And back to the tab that it was asked on. Nothing new makes no version."""
    live = chatbot.live
    if live is None or chatbot.differs:
        version = versions.publish(chatbot, author_of(request), request.POST.get("note", "")[:500])
        said = _("v%(n)d is live: the next message uses it.") % {"n": version.number}
    else:
        said = _("Nothing has changed since v%(n)d: it stays live.") % {"n": live.number}
    messages.success(request, said)
    asked = request.POST.get("tab")
    tab = asked if asked in dict(chatbot_pages.TABS) else "chatbot"
    return redirect(f"dashboard:{tab}", request.organisation.slug, chatbot.name)


@require_POST
@chatbot_view()
def pause(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """And back: a second time it goes on."""
    if chatbot.paused_at is None:
        making.pause(chatbot, author_of(request))
        messages.success(request, _("Paused: no message is taken."))
    else:
        making.resume(chatbot, author_of(request))
        messages.success(request, _("It answers again."))
    return redirect("dashboard:chatbot", request.organisation.slug, chatbot.name)


@require_GET
@chatbot_view()
def code(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    url = f"{request.scheme}://{request.get_host()}/v1"
    shown = {"snippets": chatbot_code.snippets(chatbot, url)}
    return chatbot_pages.shown(request, "dashboard/chatbot_code.html", chatbot, shown)


@require_GET
@chatbot_view()
def usage(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    """The team's usage page, of this chatbot."""
    page = redirect("dashboard:usage", request.organisation.slug)
    page["Location"] += f"?chatbot={chatbot.id}"
    return page


def _page(
    request: TeamRequest,
    chatbot: Chatbot,
    form: BuildForm,
    status: int = 200,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> HttpResponse:
    context = {
        "form": form,
        "variables": VARIABLES_SHOWN,
        "preview": chatbot_pages.preview(request, chatbot),
        **_told(request, chatbot),
        **chatbot_knowledge.panel(request, chatbot),
        **more,
    }
    return chatbot_pages.shown(request, "dashboard/chatbot.html", chatbot, context, status)


def _told(request: TeamRequest, chatbot: Chatbot) -> dict[str, Any]:
    """What an autosave brings back: which draft this is, how it looks, how long its prompt is,
    what its model costs and is good for."""
    draft = chatbot.draft
    model = draft["model"] or request.organisation.default_model or catalog.DEFAULT_MODEL
    price = prices.in_force([model]).get(model)
    return {
        "seen": _seen(chatbot),
        "priced": model,
        "price": price and (usd_per_million(price.input), usd_per_million(price.output)),
        "is_demo": model == catalog.DEFAULT_MODEL,
        "look": [draft["welcome"], draft["suggested_prompts"], draft["theme"], draft["disclosure"]],
        "tokens": prompt_size.of(actor_of(request).caller, draft["model"], draft["system_prompt"]),
    }


def _conflict(request: TeamRequest, chatbot: Chatbot, form: BuildForm) -> HttpResponse:
    """Another tab, or another person, has changed the draft since this form was opened: what is
    typed here stays, and is saved over the other only when that is asked for."""
    told = {"seen": request.POST.get("seen", ""), "newest": _seen(chatbot)}
    if request.headers.get("HX-Request"):
        return render(request, "dashboard/chatbot_saved.html", told)
    form.is_valid()
    return _page(request, chatbot, form, CONFLICT, told)


def _seen(chatbot: Chatbot) -> str:
    return chatbot.draft_changed_at.isoformat()
