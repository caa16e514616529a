"""The administration of money: the book to read, prices to add, balances to adjust by a verb."""

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import TabularInline

from accounts.admin import ReadOnlyAdmin, record
from billing import adjusting, pricing
from billing.models import Account, CreditCode, Entry, Hold, Journal, Price, TopUp, UsageDaily
from billing.pricing import usd


def dollars(field: str, title: str) -> Any:
    """A column that shows nano-dollars as US dollars."""

    @admin.display(description=title, ordering=field)
    def column(row: Model) -> str:
        value = getattr(row, field)
        return "" if value is None else f"${usd(value)}"

    return column


class AdjustmentForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """Changes nothing by itself: the amount becomes a journal."""

    adjust_by = forms.DecimalField(
        max_digits=16, decimal_places=9, required=False, help_text="USD; negative takes away."
    )
    reason = forms.CharField(max_length=300, required=False)
    ref = forms.CharField(widget=forms.HiddenInput, required=False)  # a double click counts once

    class Meta:
        model = Account
        fields = ("low_balance",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ref"].initial = secrets.token_hex(16)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        amount: Decimal | None = cleaned.get("adjust_by")
        if amount and not cleaned.get("reason"):
            self.add_error("reason", "Say why: the reason stands in the book.")
        if amount and self.instance.available + pricing.nano(amount) < 0:
            self.add_error("adjust_by", f"Only ${usd(self.instance.available)} can be taken.")
        return cleaned


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Balances of customers. Amounts move by an adjustment, never by editing."""

    form = AdjustmentForm
    list_display = (
        "organisation", dollars("available", "available"), dollars("held", "held"), "low_balance",
    )  # fmt: skip
    search_fields = ("organisation__name", "organisation__id")
    fields = ("organisation", "available", "held", "low_balance", "adjust_by", "reason", "ref")
    readonly_fields = ("organisation", "available", "held")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        customers: QuerySet[Account] = super().get_queryset(request)
        return customers.filter(kind=Account.Kind.CUSTOMER).select_related("organisation")

    def has_change_permission(self, request: HttpRequest, _row: Model | None = None) -> bool:
        return bool(request.user.is_superuser)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, _change: bool) -> None:
        account = Account.objects.select_related("organisation").get(pk=obj.pk)
        Account.objects.filter(pk=account.pk).update(low_balance=form.cleaned_data["low_balance"])
        if amount := form.cleaned_data.get("adjust_by"):
            adjusting.adjust(
                account.organisation,
                pricing.nano(amount),
                form.cleaned_data["ref"],
                actor=str(request.user.pk),
                note=form.cleaned_data["reason"],
            )


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    class Meta:
        model = Price
        fields = ("model", "tier", "input", "cached_input", "output", "effective_from")
        help_texts = dict.fromkeys(
            ("input", "cached_input", "output"),
            "Pico-dollars per token: 1,000,000 is $1 per million tokens.",
        )

    def clean_effective_from(self) -> datetime:
        moment: datetime = self.cleaned_data["effective_from"]
        if moment < timezone.now():
            raise forms.ValidationError("The past keeps its prices: choose a moment to come.")
        return moment


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    """A price is added, never changed: what ran before keeps what it cost."""

    form = PriceForm
    list_display = ("model", "tier", "input", "cached_input", "output", "effective_from")
    list_filter = ("tier",)
    search_fields = ("model",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        form.instance.created_by = str(request.user.pk)
        super().save_model(request, obj, form, change)
        price = {name: form.cleaned_data[name] for name in ("model", "input", "output")}
        record(request, "price.created", obj.pk, after=price)


class EntryLines(TabularInline):
    model = Entry
    fields = ("account", "amount", "balance_after")
    readonly_fields = fields
    can_delete = False
    extra = 0

    def has_add_permission(self, _request: HttpRequest, _row: Model | None = None) -> bool:
        return False


@admin.register(Journal)
class JournalAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at", "organisation", "kind", dollars("moved", "balance"), "actor", "id",
    )  # fmt: skip
    list_filter = ("kind",)
    search_fields = ("id", "ref", "organisation__id")
    ordering = ("-created_at",)
    inlines = (EntryLines,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Journal]:
        """With what each movement did to the customer's balance."""
        lines = Entry.objects.filter(journal=OuterRef("pk"), account__kind=Account.Kind.CUSTOMER)
        journals: QuerySet[Journal] = super().get_queryset(request)
        return journals.annotate(moved=Subquery(lines.values("amount")[:1]))


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = (
        "id", "organisation", "model", "state", dollars("amount", "held"),
        dollars("charged", "charged"), "prompt_tokens", "completion_tokens", "created_at",
    )  # fmt: skip
    list_filter = ("state",)
    search_fields = ("id", "organisation__id")
    ordering = ("-created_at",)


@admin.register(TopUp)
class TopUpAdmin(ReadOnlyAdmin):
    list_display = ("id", "organisation", "provider", "ref", dollars("amount", "amount"))
    list_filter = ("provider",)
    search_fields = ("id", "ref", "organisation__id")


@admin.register(CreditCode)
class CreditCodeAdmin(ReadOnlyAdmin):
    """Codes are issued by `manage.py ledger codes`: only their maker ever sees them."""

    list_display = ("id", dollars("amount", "amount"), "note", "redeemed_by", "redeemed_at")


@admin.register(UsageDaily)
class UsageDailyAdmin(ReadOnlyAdmin):
    list_display = (
        "day", "organisation", "model", "key", "requests", "prompt_tokens", "completion_tokens",
        dollars("charged", "cost"),
    )  # fmt: skip
    list_filter = ("day",)
