"""Settings of a chatbot: budgets, how long conversations are kept, its secret, its end."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from chatbots import making, states
from chatbots.configuration import Configuration
from chatbots.models import Chatbot
from chatbots.states import Spent
from dashboard import chatbot_pages
from dashboard.access import TeamRequest
from dashboard.chatbot_forms import SettingsForm
from dashboard.chatbot_pages import author_of, chatbot_view


@chatbot_view()
def settings(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    form = SettingsForm(draft=chatbot.draft)
    if request.method == "POST":
        form = SettingsForm(request.POST, draft=chatbot.draft)
        title = request.POST.get("title", "").strip()[:120] or None
        draft = chatbot_pages.save(chatbot, form, title=title)
        if draft.saved:
            messages.success(request, chatbot_pages.said(draft))
            return redirect("dashboard:chatbot-settings", request.organisation.slug, chatbot.name)
    status = 422 if form.is_bound else 200
    context = {"form": form, "spent": _spent(chatbot)}
    return chatbot_pages.shown(request, "dashboard/chatbot_settings.html", chatbot, context, status)


@require_POST
@chatbot_view()
def secret(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """The identity secret, on request alone."""
    form = SettingsForm(draft=chatbot.draft)
    context = {"form": form, "secret": chatbot.secret, "spent": _spent(chatbot)}
    return chatbot_pages.shown(request, "dashboard/chatbot_settings.html", chatbot, context)


@require_POST
@chatbot_view()
def delete(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    if request.POST.get("name") != chatbot.name:
        messages.error(request, _("Nothing is deleted: the name was not typed."))
        return redirect("dashboard:chatbot-settings", request.organisation.slug, chatbot.name)
    making.delete(chatbot, author_of(request))
    messages.success(
        request, _("%(title)s is deleted, with its conversations.") % {"title": chatbot.title}
    )
    return redirect("dashboard:chatbots", request.organisation.slug)


def _spent(chatbot: Chatbot) -> list[tuple[str, int, int | None, float]]:
    """(period, spent, of which budget, the share) of the live version; None: no budget."""
    so_far = states.spent([chatbot]).get(chatbot.id, Spent())
    known = chatbot.live.configuration if chatbot.live else chatbot.draft
    budget = Configuration.model_validate(known).budget
    day = (_("Today"), so_far.day, budget.day_nano)
    told = (day, (_("This month"), so_far.month, budget.month_nano))
    return [(name, used, most, used / most if most else 0.0) for name, used, most in told]
