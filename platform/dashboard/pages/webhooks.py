"""Webhooks: who is told of what, the secret (shown once), what was sent and what came back."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.db.models import Max, Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.webhook_views import TESTS
from accounts.webhooks import endpoints
from api.errors import ApiError
from api.rate_limits import take_request
from dashboard import paging
from dashboard.access import TeamRequest, actor_of, organisation_view
from dashboard.forms import Form

SCOPE: Final = "admin"
EVENTS: Final = {
    "chatbot.message": gettext_lazy("A chatbot has answered a visitor"),
    "chatbot.feedback": gettext_lazy("A visitor has rated an answer"),
    "balance.low": gettext_lazy("The balance fell below your line"),
    "cap.near": gettext_lazy("Four fifths of the spending cap are spent"),
    "cap.reached": gettext_lazy("The spending cap is reached"),
    "topup.failed": gettext_lazy("An automatic top-up failed"),
}
STATES: Final = {
    "delivered": gettext_lazy("Delivered"),
    "waiting": gettext_lazy("Waiting"),
    "failed": gettext_lazy("Failed"),
}


class EndpointForm(Form):
    url = forms.CharField(
        label=gettext_lazy("Address"), max_length=500,
        help_text=gettext_lazy("https, and reachable from here. Each message is a POST."),
        widget=forms.URLInput(attrs={"placeholder": "https://example.com/smarter"}),
    )  # fmt: skip
    description = forms.CharField(label=gettext_lazy("Note"), max_length=200, required=False)
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Tells of"), choices=list(EVENTS.items()),
        widget=forms.CheckboxSelectMultiple, initial=["chatbot.message"],
    )  # fmt: skip

    def fields_given(self) -> dict[str, Any]:
        return {**self.cleaned_data, "events": sorted(self.cleaned_data["events"])}


class ChangeForm(EndpointForm):
    enabled = forms.BooleanField(label=gettext_lazy("Switched on"), required=False)


@organisation_view(scope=SCOPE)
def webhooks(request: TeamRequest) -> HttpResponse:
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actor = actor_of(request)
        try:
            made, secret = endpoints.create(
                request.organisation.id, form.fields_given(), request.user.id, actor.address
            )
        except ApiError as error:
            form.refuse(error)
        else:
            return _list(request, EndpointForm(), new=made, secret=secret)
    return _list(request, form, status=422 if form.is_bound else 200)


@organisation_view(scope=SCOPE)
def webhook(request: TeamRequest, webhook_id: str) -> HttpResponseBase:
    """One endpoint: its settings, and the log of its messages."""
    endpoint = endpoints.find(request.organisation.id, webhook_id)
    names = ("url", "description", "events", "enabled")
    form = ChangeForm(initial={name: getattr(endpoint, name) for name in names})
    if request.method == "POST":
        form = ChangeForm(request.POST)
        if form.is_valid() and _changed(request, webhook_id, form):
            return _back(request, webhook_id)
    return _one(request, endpoint, form, 422 if form.is_bound else 200)


@require_POST
@organisation_view(scope=SCOPE)
def secret(request: TeamRequest, webhook_id: str) -> HttpResponse:
    """A new one, shown once; the old one verifies nothing from now on."""
    mine, address = request.organisation.id, actor_of(request).address
    endpoint, text = endpoints.renew_secret(mine, webhook_id, request.user.id, address)
    return _list(request, EndpointForm(), new=endpoint, secret=text)


@require_POST
@organisation_view(scope=SCOPE)
def test(request: TeamRequest, webhook_id: str) -> HttpResponseBase:
    take_request(f"webhook tests of {request.organisation.id}", TESTS)
    endpoints.send_test(request.organisation.id, webhook_id)
    messages.success(request, _("A test is on its way; what comes back stands in the log."))
    return _back(request, webhook_id)


@require_POST
@organisation_view(scope=SCOPE)
def retry(request: TeamRequest, webhook_id: str, delivery_id: str) -> HttpResponseBase:
    endpoints.send_again(request.organisation.id, webhook_id, delivery_id)
    messages.success(request, _("It is sent again, under the same id."))
    return _back(request, webhook_id)


@require_POST
@organisation_view(scope=SCOPE)
def delete(request: TeamRequest, webhook_id: str) -> HttpResponseBase:
    address = actor_of(request).address
    endpoints.delete(request.organisation.id, webhook_id, request.user.id, address)
    messages.success(request, _("The webhook and its log are deleted."))
    return redirect("dashboard:webhooks", request.organisation.slug)


def _changed(request: TeamRequest, webhook_id: str, form: ChangeForm) -> bool:
    mine, address = request.organisation.id, actor_of(request).address
    try:
        endpoints.change(mine, webhook_id, form.fields_given(), request.user.id, address)
    except ApiError as error:
        form.refuse(error)
        return False
    messages.success(request, _("Saved."))
    return True


def _list(
    request: TeamRequest, form: EndpointForm, status: int = 200, **shown: object
) -> HttpResponse:
    found: QuerySet[Any] = WebhookEndpoint.objects.for_organisation(request.organisation.id)
    if text := paging.search(request.GET):
        found = found.filter(Q(url__icontains=text) | Q(description__icontains=text))
    told = found.annotate(last=Max("deliveries__created_at"))
    context = {"page": paging.of(told, request.GET), "form": form, "q": paging.search(request.GET)}
    return render(request, "dashboard/webhooks.html", context | shown, status=status)


def _one(
    request: TeamRequest, endpoint: WebhookEndpoint, form: ChangeForm, status: int
) -> HttpResponse:
    log = WebhookDelivery.objects.all().for_organisation(request.organisation.id)
    log = log.filter(endpoint=endpoint)
    if (state := request.GET.get("state", "")) in STATES:
        log = log.filter(state=state)
    context = {
        "endpoint": endpoint, "form": form, "page": paging.of(log, request.GET),
        "states": STATES, "state": state,
    }  # fmt: skip
    return render(request, "dashboard/webhook.html", context, status=status)


def _back(request: TeamRequest, webhook_id: str) -> HttpResponseBase:
    return redirect("dashboard:webhook", request.organisation.slug, webhook_id)
