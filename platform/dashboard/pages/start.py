"""Three steps to a chatbot that talks: its name, what it begins with, a chat with it."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from chatbots.models import Chatbot
from dashboard import chatbot_pages
from dashboard.access import TeamRequest, organisation_view
from dashboard.chatbot_forms import TEMPLATE_NAMES, NewChatbotForm
from dashboard.chatbot_pages import WRITE, chatbot_view
from dashboard.pages.chatbots import begun, made


@organisation_view(scope=WRITE)
def start(request: TeamRequest) -> HttpResponseBase:
    form = NewChatbotForm(initial=begun(request))
    if request.method == "POST":
        form = NewChatbotForm(request.POST)
        if form.is_valid() and (chatbot := made(request, form)) is not None:
            return redirect("dashboard:started", request.organisation.slug, chatbot.name)
    shown = {
        "form": form,
        "about": [(key, name, text) for key, (name, text) in TEMPLATE_NAMES.items()],
        "step": 1,
    }
    return render(request, "dashboard/start.html", shown, status=422 if form.is_bound else 200)


@require_GET
@chatbot_view(write=True)
def started(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """The third step: it answers on the right."""
    shown = {"chatbot": chatbot, "preview": chatbot_pages.preview(request, chatbot), "step": 3}
    return render(request, "dashboard/start.html", shown)
