"""Embed: who may show it and how it looks, the lines to paste, and where it has been seen."""

from base64 import b64encode
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from qrcode import QRCode  # type: ignore[import-untyped]  # it comes without types
from qrcode.image.svg import (  # type: ignore[import-untyped]  # it comes without types
    SvgPathImage,
)

from api.errors import ApiError, NotFound
from chatbots import making, origins
from chatbots.configuration import Configuration
from chatbots.models import Chatbot, Seen
from dashboard import chatbot_pages
from dashboard.access import TeamRequest
from dashboard.chatbot_forms import EmbedForm, contrast
from dashboard.chatbot_pages import author_of, chatbot_view
from dashboard.errors import said

ENOUGH = 4.5
MOST_SITES = 100


@dataclass(frozen=True, slots=True)
class Site:
    """Where it was seen. `waits`: it is refused still, and let in by the next publishing."""

    seen: Seen
    may_allow: bool
    waits: bool


@chatbot_view()
def embed(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    form = EmbedForm(draft=chatbot.draft)
    if request.method == "POST":
        form = EmbedForm(request.POST, draft=chatbot.draft)
        draft = chatbot_pages.save(chatbot, form)
        if draft.saved:
            messages.success(request, chatbot_pages.said(draft))
            return redirect("dashboard:chatbot-embed", request.organisation.slug, chatbot.name)
    home = f"{request.scheme}://{request.get_host()}"
    accent = chatbot.draft["theme"]["accent"]
    context = {
        "form": form,
        "snippets": snippets(chatbot, home),
        "hosted": (hosted := f"{home}/c/{chatbot.slug}"),
        "code": _code(hosted),
        "preview": chatbot_pages.preview(request, chatbot),
        "seen": _seen(request, chatbot),
        "pale": bool(accent) and contrast(accent) < ENOUGH,
        "accent": accent,
    }
    status = 422 if form.is_bound else 200
    return chatbot_pages.shown(request, "dashboard/chatbot_embed.html", chatbot, context, status)


@require_GET
@chatbot_view()
def seen(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """The sites, asked again and again while the page is open."""
    shown = {"chatbot": chatbot, "seen": _seen(request, chatbot)}
    return render(request, "dashboard/chatbot_seen.html", shown)


@require_POST
@chatbot_view()
def allow(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """A site that was refused joins the draft's list, as if it had been typed there."""
    origin = request.POST.get("origin", "")
    if not Seen.objects.filter(chatbot=chatbot, origin=origin).exists():
        raise NotFound("This chatbot was not seen on this site.", param="origin")
    listed = [*Configuration.model_validate(chatbot.draft).allowed_origins, origin]
    try:
        making.change(chatbot, configuration={"allowed_origins": listed})
    except ApiError as error:
        messages.error(request, said(error))
    else:
        told = _("%(origin)s is in the draft: publish it to let the site in.")
        messages.success(request, told % {"origin": origin})
    return redirect("dashboard:chatbot-embed", request.organisation.slug, chatbot.name)


@require_POST
@chatbot_view()
def rotate(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    if request.POST.get("name") != chatbot.name:
        messages.error(request, _("The key stays: the name was not typed."))
        return redirect("dashboard:chatbot-embed", request.organisation.slug, chatbot.name)
    making.rotate_key(chatbot, author_of(request))
    messages.success(
        request, _("There is a new key. Pages with the old one show nothing from now on.")
    )
    return redirect("dashboard:chatbot-embed", request.organisation.slug, chatbot.name)


def snippets(chatbot: Chatbot, home: str) -> list[tuple[str, str]]:
    """What to paste, by where it goes."""
    key, name = chatbot.publishable_text, chatbot.name
    source = f'<script src="{home}/widget/v1/chat.js" async'
    inviting, title = _("Chat with us"), _("Chat")
    return [
        (_("Bubble"), f'{source} data-bot="{name}" data-key="{key}"></script>'),
        (
            _("In the page"),
            f"{source}></script>\n"
            f'<chat-widget mode="inline" bot="{name}" key="{key}"></chat-widget>',
        ),
        (
            "WordPress",
            f'<!-- wp:html -->\n{source} data-bot="{name}" data-key="{key}"></script>\n'
            "<!-- /wp:html -->",
        ),
        (
            _("Own page"),
            f'<a href="{home}/c/{chatbot.slug}">{inviting}</a>',
        ),
        (
            _("Frame"),
            f'<iframe src="{home}/c/{chatbot.slug}" title="{title}" '
            'width="400" height="600"></iframe>',
        ),
    ]


def _seen(request: TeamRequest, chatbot: Chatbot) -> list[Site]:
    sites = Seen.objects.filter(organisation_id=chatbot.organisation_id, chatbot=chatbot)
    live = Configuration.model_validate(chatbot.live.configuration) if chatbot.live else None
    draft = Configuration.model_validate(chatbot.draft)
    writes = chatbot_pages.WRITE in request.membership.scopes
    found = []
    for row in sites.order_by("-last_seen")[:MOST_SITES]:
        shut = row.refused > 0 and not (live and origins.allowed(live, row.origin))
        waits = shut and origins.allowed(draft, row.origin)
        known = origins.parsed(row.origin) is not None
        found.append(Site(row, may_allow=writes and shut and known and not waits, waits=waits))
    return found


def _code(address: str) -> str:
    """A QR code as a data: address of an SVG picture."""
    code = QRCode(border=2)
    code.add_data(address)
    drawn = code.make_image(image_factory=SvgPathImage).to_string()
    return f"data:image/svg+xml;base64,{b64encode(drawn).decode()}"
