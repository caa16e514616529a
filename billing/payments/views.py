"""Pages of payments: the labelled checkout of development, the way out, Stripe's events."""

from typing import Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Membership
from api.errors import ApiError
from billing import payments
from billing.models import Payment, TopUp
from billing.payments import automatic, events, fake

MAY_PAY: Final = "billing:write"


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def fake_checkout(request: HttpRequest, payment_id: str) -> HttpResponse:
    """No money moves here, and the page says so; production has none of it."""
    payment = _mine(request, payment_id)
    if payment.provider != TopUp.Provider.FAKE or settings.PRODUCTION:
        raise Http404
    if request.method == "GET":
        return render(request, "billing/fake_checkout.html", {"payment": payment})
    if "pay" in request.POST:
        card = fake.DECLINES if "declines" in request.POST else fake.GOOD
        payments.paid(payment, payment.id)
        payments.paid_by(payment, card.last4)
        if payment.saves_card:
            automatic.save_card(payment, card)
        messages.success(request, _("The test payment was credited. No money moved."))
    else:
        payments.ended(payment, Payment.State.EXPIRED)
        messages.info(request, _("The payment was cancelled. Nothing was credited."))
    return redirect(payment.return_url)


@never_cache
@login_required
@require_GET
def leaving(request: HttpRequest, payment_id: str) -> HttpResponse:
    """On to the provider's own page; by a page of ours, since no form may lead to another site."""
    payment = _mine(request, payment_id)
    if payment.state != Payment.State.OPEN or not payment.checkout_url:
        return redirect(payment.return_url)
    return render(request, "billing/leaving.html", {"payment": payment})


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Told twice, late or in another order: the same. Without a 200 Stripe tells it again."""
    try:
        events.receive(request.body, request.headers.get("Stripe-Signature"))
    except ApiError as error:
        return JsonResponse(error.body(), status=error.status)
    return JsonResponse({"received": True})


def _mine(request: HttpRequest, payment_id: str) -> Payment:
    """A payment of a team for which this member may pay; a stranger's is as unknown as none."""
    payment = get_object_or_404(Payment.objects.select_related("organisation"), pk=payment_id)
    members = Membership.objects.for_organisation(payment.organisation_id)
    member = members.filter(user_id=request.user.pk).first()
    if member is None or MAY_PAY not in member.scopes:
        raise Http404
    return payment
