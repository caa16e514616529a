"""Build: the draft on the left, the real widget on the draft on the right; publish, pause, code."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from billing.pricing import usd_per_million
from chatbots import making, versions, visitor_tokens
from chatbots.models import Chatbot
from dashboard import chatbot_pages
from dashboard.access import TeamRequest
from dashboard.chatbot_forms import BuildForm
from dashboard.chatbot_pages import author_of, chatbot_view
from inference import descriptions, prices

CONFLICT = 409


@chatbot_view()
def build(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    models = _models(request)
    if request.method != "POST":
        return _page(request, chatbot, BuildForm(draft=chatbot.draft, models=models))
    if request.POST.get("seen", _seen(chatbot)) != _seen(chatbot):
        return _conflict(request, chatbot, models)
    form = BuildForm(request.POST, draft=chatbot.draft, models=models)
    draft = chatbot_pages.save(chatbot, form, title=request.POST.get("title") or None)
    if request.headers.get("HX-Request"):
        told = {"form": form, "saved": draft.saved, "seen": _seen(draft.chatbot)}
        return render(request, "dashboard/chatbot_saved.html", told)
    if draft.saved:
        messages.success(request, chatbot_pages.said(draft))
        return redirect("dashboard:chatbot", request.organisation.slug, chatbot.name)
    return _page(request, chatbot, form, status=422)


@require_POST
@chatbot_view()
def publish(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    version = versions.publish(chatbot, author_of(request), request.POST.get("note", "")[:500])
    messages.success(
        request, _("v%(n)d is live: the next message uses it.") % {"n": version.number}
    )
    return redirect("dashboard:chatbot", request.organisation.slug, chatbot.name)


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
    """The draft's settings as a call of the API."""
    draft, url = chatbot.draft, f"{request.scheme}://{request.get_host()}/v1"
    asked: dict[str, Any] = {
        "messages": [
            {"role": "system", "content": draft["system_prompt"]},
            {"role": "user", "content": "Hello!"},
        ],
        "temperature": draft["temperature"],
        "top_p": draft["top_p"],
        "max_completion_tokens": draft["max_output_tokens"],
    }
    if draft["model"]:
        asked = {"model": draft["model"], **asked}
    snippets = {
        "curl": _curl(url, asked),
        "Python": _python(url, asked),
        "JavaScript": _javascript(url, asked),
    }
    return chatbot_pages.shown(
        request, "dashboard/chatbot_code.html", chatbot, {"snippets": snippets.items()}
    )


@require_GET
@chatbot_view()
def usage(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    """The team's usage page, of this chatbot."""
    page = redirect("dashboard:usage", request.organisation.slug)
    page["Location"] += f"?chatbot={chatbot.id}"
    return page


def _page(
    request: TeamRequest, chatbot: Chatbot, form: BuildForm, status: int = 200
) -> HttpResponse:
    token = visitor_tokens.preview(request.organisation.id, chatbot.id, request.user.id)
    model = chatbot.draft["model"] or request.organisation.default_model
    price = prices.in_force([model]).get(model) if model else None
    rates = price and (usd_per_million(price.input), usd_per_million(price.output))
    context = {"form": form, "preview": token, "price": rates, "seen": _seen(chatbot)}
    return chatbot_pages.shown(request, "dashboard/chatbot.html", chatbot, context, status)


def _conflict(request: TeamRequest, chatbot: Chatbot, models: list[str]) -> HttpResponse:
    """Another tab, or another person, has changed the draft since this form was opened."""
    told = _("The draft was changed elsewhere meanwhile. Reload to see it; yours was not saved.")
    if request.headers.get("HX-Request"):
        return render(
            request, "dashboard/chatbot_saved.html", {"conflict": told, "chatbot": chatbot}
        )
    messages.error(request, told)
    return _page(request, chatbot, BuildForm(draft=chatbot.draft, models=models), CONFLICT)


def _seen(chatbot: Chatbot) -> str:
    return chatbot.draft_changed_at.isoformat()


def _models(request: TeamRequest) -> list[str]:
    """What this team can call to chat."""
    known = descriptions.of_all(request.organisation.id)
    return [row.id for row in known if row.status == "installed" and "chat" in row.capabilities]


def _curl(url: str, asked: dict[str, Any]) -> str:
    body = json.dumps(asked, indent=2, ensure_ascii=False).replace("'", "'\\''")
    return (
        f'curl {url}/chat/completions \\\n  -H "Authorization: Bearer $SMARTER_API_KEY" \\\n'
        f"  -H \"Content-Type: application/json\" \\\n  -d '{body}'"
    )


def _python(url: str, asked: dict[str, Any]) -> str:
    arguments = "".join(f"    {name}={value!r},\n" for name, value in asked.items())
    return (
        f'import os\n\nfrom openai import OpenAI\n\nclient = OpenAI(\n    base_url="{url}",\n'
        '    api_key=os.environ["SMARTER_API_KEY"],\n)\n'
        f"answer = client.chat.completions.create(\n{arguments})\n"
        "print(answer.choices[0].message.content)"
    )


def _javascript(url: str, asked: dict[str, Any]) -> str:
    body = json.dumps(asked, indent=2, ensure_ascii=False)
    return (
        'import OpenAI from "openai";\n\nconst client = new OpenAI({\n'
        f'  baseURL: "{url}",\n  apiKey: process.env.SMARTER_API_KEY,\n}});\n'
        f"const answer = await client.chat.completions.create({body});\n"
        "console.log(answer.choices[0].message.content);"
    )
