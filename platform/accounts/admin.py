"""The administration of users, organisations, keys and the audit."""

from collections.abc import Sequence
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model, QuerySet
from django.db.models.functions import Now
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.login import LoginForm
from accounts.models import (
    APIKey,
    AuditEntry,
    Invitation,
    Membership,
    Organisation,
    User,
    WebhookDelivery,
    WebhookEndpoint,
)
from api import addresses

admin.site.login_form = LoginForm
admin.site.unregister(Group)  # roles stand in memberships
admin.site.unregister([EmailAddress, Authenticator, UserSession])  # ours stand below


def record(request: HttpRequest, action: str, target: str, **facts: Any) -> None:
    """An audit entry in an administrator's name."""
    AuditEntry.objects.create(
        actor=str(request.user.pk),
        action=action,
        target=target,
        address=addresses.of_request(request),
        **facts,
    )


class ReadOnlyAdmin(ModelAdmin):
    """Shows everything, changes nothing."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _row: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _row: Model | None = None) -> bool:
        return False


class NewUserForm(UserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


class UserForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg] # no types, or none at run time
    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("-created_at",)
    list_display = ("email", "name", "is_active", "is_staff", "last_login", "created_at")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name", "id")
    readonly_fields = ("id", "last_login", "created_at")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("id", "email", "name", "password")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("When", {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets: Any = (
        (None, {"fields": ("email", "usable_password", "password1", "password2")}),
    )

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        names = [name for name in form.changed_data if not name.startswith("password")]
        record(
            request,
            "user.changed" if change else "user.created",
            obj.pk,
            before={name: form.initial.get(name) for name in names},
            after={name: form.cleaned_data.get(name) for name in names},
        )


class MembershipInline(TabularInline):
    model = Membership
    fields = ("user", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Organisation)
class OrganisationAdmin(ModelAdmin):
    inlines = [MembershipInline]
    list_display = ("name", "slug", "id", "suspended_at", "created_at")
    search_fields = ("name", "slug", "id")
    readonly_fields = ("id", "created_at")
    fields = ("id", "name", "slug", "default_model", "suspended_at", "created_at")
    actions = ["suspend", "resume"]

    def has_delete_permission(self, _request: HttpRequest, _row: Model | None = None) -> bool:
        return False  # its money and its audit stay

    @transaction.atomic
    def save_formset(
        self,
        request: HttpRequest,
        form: "ModelForm[Organisation]",
        formset: "BaseInlineFormSet[Membership, Organisation, Any]",
        change: bool,
    ) -> None:
        super().save_formset(request, form, formset, change)
        organisation_id = form.instance.id
        for member in formset.new_objects:
            self._record_role(request, organisation_id, member, None, member.role)
        for member, changed in formset.changed_objects:
            before = next(one.initial for one in formset.forms if one.instance.pk == member.pk)
            if "role" in changed:
                self._record_role(request, organisation_id, member, before["role"], member.role)
        for member in formset.deleted_objects:
            self._record_role(request, organisation_id, member, member.role, None)

    @admin.action(description="Suspend: refuse all its keys")
    def suspend(self, request: HttpRequest, chosen: QuerySet[Organisation]) -> None:
        self._suspend(request, chosen.filter(suspended_at=None), "organisation.suspended", Now())

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, chosen: QuerySet[Organisation]) -> None:
        self._suspend(request, chosen.exclude(suspended_at=None), "organisation.resumed", None)

    @transaction.atomic
    def _suspend(
        self, request: HttpRequest, chosen: QuerySet[Organisation], action: str, moment: Now | None
    ) -> None:
        ids = list(chosen.values_list("pk", flat=True))
        Organisation.objects.filter(pk__in=ids).update(suspended_at=moment)
        for organisation_id in ids:
            record(request, action, organisation_id, organisation_id=organisation_id)

    def _record_role(
        self,
        request: HttpRequest,
        organisation_id: str,
        member: Membership,
        before: str | None,
        after: str | None,
    ) -> None:
        record(
            request,
            "membership.changed",
            member.user_id,
            organisation_id=organisation_id,
            before={"role": before},
            after={"role": after},
        )


@admin.register(APIKey)
class APIKeyAdmin(ReadOnlyAdmin):
    list_display = (
        "name", "redacted", "organisation", "created_by", "last_used_at", "expires_at",
        "revoked_at",
    )  # fmt: skip
    list_filter = ("kind", "revoked_at")
    list_select_related = ("organisation", "created_by")
    search_fields = ("name", "id", "last4", "organisation__name", "created_by__email")
    actions = ["revoke"]

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apikey")

    @admin.action(description="Revoke: refuse their next request", permissions=["revoke"])
    @transaction.atomic
    def revoke(self, request: HttpRequest, chosen: QuerySet[APIKey]) -> None:
        live: Sequence[APIKey] = list(
            chosen.select_for_update(of=("self",)).filter(revoked_at=None)
        )
        APIKey.objects.filter(pk__in=[key.pk for key in live]).update(revoked_at=Now())
        for key in live:
            record(request, "api_key.revoked", key.id, organisation_id=key.organisation_id)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "action", "target", "actor", "organisation", "address")
    list_filter = ("action",)
    list_select_related = ("organisation",)
    search_fields = ("action", "target", "actor", "request_id")
    date_hierarchy = "created_at"


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    list_display = ("email", "user", "verified", "primary")
    list_select_related = ("user",)
    search_fields = ("email",)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Deleted for somebody who has lost both phone and recovery codes; never shown."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, _row: Model | None = None) -> bool:
        return bool(request.user.is_superuser)

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        record(request, "second_factor.removed", str(obj.user_id))  # type: ignore[attr-defined] # an Authenticator
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for factor in queryset:
            record(request, "second_factor.removed", str(factor.user_id))
        super().delete_queryset(request, queryset)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("email", "organisation", "role", "created_at", "accepted_at", "revoked_at")
    list_select_related = ("organisation",)
    search_fields = ("email", "organisation__name")
    exclude = ("digest",)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    list_display = ("url", "organisation", "enabled", "created_at")
    list_select_related = ("organisation",)
    search_fields = ("url", "organisation__name", "id")
    exclude = ("sealed_secret",)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "organisation", "event", "state", "attempts", "status", "created_at")
    list_filter = ("state", "event")
    list_select_related = ("organisation",)
    search_fields = ("id", "organisation__name")
