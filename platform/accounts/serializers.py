"""Shapes of accounts in the API: explicit fields in and out, unknown ones refused."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import names, scopes
from accounts.models import APIKey, Membership, Organisation, User
from api import addresses

_LARGEST: Final = 2**31 - 1
_NAME: Final[dict[str, Any]] = {"max_length": names.LONGEST, "validators": [names.require_name]}
_MODEL: Final[dict[str, Any]] = {
    "max_length": names.LONGEST_MODEL, "validators": [names.require_model_name],
}  # fmt: skip
_DOLLARS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses names that it does not know, so that no typo passes for a limit."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({str(unknown[0])[:64]: _("Unknown parameter.")})
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "example": "12.50"})
class NanoDollarsField(serializers.Field[int, str, str, int]):
    """Integer nano-dollars inside, a decimal string of US dollars outside."""

    default_error_messages = {
        "wrong": gettext_lazy("Give US dollars as a decimal string, such as '12.50'.")
    }

    def to_representation(self, value: int) -> str:
        dollars, nano = divmod(value, 10**9)
        return f"{dollars}.{f'{nano:09d}'.rstrip('0').ljust(2, '0')}"

    def to_internal_value(self, data: str) -> int:
        text = str(data)
        if not _DOLLARS.fullmatch(text):
            self.fail("wrong")
        return int(Decimal(text).scaleb(9))


class OrganisationSerializer(serializers.ModelSerializer[Organisation]):
    object = serializers.CharField(default="organisation", read_only=True)

    class Meta:
        model = Organisation
        fields = ["id", "object", "name", "slug", "default_model", "created_at"]
        read_only_fields = fields


class OrganisationChangeSerializer(StrictSerializer):
    name = serializers.CharField(required=False, **_NAME)
    default_model = serializers.CharField(required=False, allow_null=True, **_MODEL)


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email", "name"]
        read_only_fields = fields


class MemberSerializer(serializers.ModelSerializer[Membership]):
    object = serializers.CharField(default="member", read_only=True)
    user = UserSerializer(read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "object", "user", "role", "created_at"]
        read_only_fields = fields


class APIKeySerializer(serializers.ModelSerializer[APIKey]):
    object = serializers.CharField(default="api_key", read_only=True)
    redacted = serializers.CharField(read_only=True, help_text="How the key begins and ends.")
    status = serializers.SerializerMethodField()
    budget = NanoDollarsField(source="budget_nano", read_only=True, allow_null=True)
    created_by = serializers.CharField(source="created_by_id", read_only=True, allow_null=True)
    replaced_by = serializers.CharField(source="replaced_by_id", read_only=True, allow_null=True)

    class Meta:
        model = APIKey
        fields = [
            "id", "object", "name", "kind", "redacted", "status", "scopes", "allowed_models",
            "cidrs", "requests_per_minute", "tokens_per_minute", "budget", "budget_period",
            "created_by", "created_at", "expires_at", "revoked_at", "last_used_at",
            "last_used_from", "last_used_by", "replaced_by",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": "string", "enum": ["active", "expired", "revoked"]})
    def get_status(self, key: APIKey) -> str:
        if key.revoked_at is not None:
            return "revoked"
        return "active" if key.is_usable(timezone.now()) else "expired"


class IssuedAPIKeySerializer(APIKeySerializer):
    """The one answer that shows the key itself."""

    key = serializers.SerializerMethodField(help_text="The key. It is not shown again.")

    class Meta(APIKeySerializer.Meta):
        fields = [*APIKeySerializer.Meta.fields, "key"]
        read_only_fields = fields

    def get_key(self, _key: APIKey) -> str:
        return str(self.context["plaintext"])


class APIKeyChangeSerializer(StrictSerializer):
    name = serializers.CharField(required=False, **_NAME)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(scopes.ALL)),
        max_length=len(scopes.ALL), required=False,
    )  # fmt: skip
    allowed_models = serializers.ListField(
        child=serializers.CharField(**_MODEL),
        max_length=100, required=False, allow_null=True,
        help_text="Only these models; null: all.",
    )  # fmt: skip
    cidrs = serializers.ListField(
        child=serializers.CharField(max_length=43), max_length=100, required=False,
        help_text="Only from these networks; empty: from anywhere.",
    )  # fmt: skip
    requests_per_minute = serializers.IntegerField(min_value=1, max_value=_LARGEST, required=False)
    tokens_per_minute = serializers.IntegerField(min_value=1, max_value=_LARGEST, required=False)
    budget = NanoDollarsField(source="budget_nano", required=False, allow_null=True)
    budget_period = serializers.ChoiceField(
        choices=APIKey.BudgetPeriod.choices, required=False, allow_null=True
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        return sorted(set(scopes))

    def validate_allowed_models(self, models: list[str] | None) -> list[str] | None:
        return None if models is None else sorted(set(models))

    def validate_cidrs(self, cidrs: list[str]) -> list[str]:
        """As networks are written: 10.1.2.3/8 is 10.0.0.0/8."""
        try:
            return sorted({str(addresses.network(cidr)) for cidr in cidrs})
        except ValueError as error:
            raise serializers.ValidationError(_("Not a network, such as 10.0.0.0/8.")) from error

    def validate_expires_at(self, moment: datetime | None) -> datetime | None:
        if moment is not None and moment <= timezone.now():
            raise serializers.ValidationError(_("This moment is past. Revoke the key instead."))
        return moment

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("budget_nano" in attrs) != ("budget_period" in attrs):
            raise serializers.ValidationError(
                {"budget": _("Give budget and budget_period together.")}
            )
        if (attrs.get("budget_nano") is None) != (attrs.get("budget_period") is None):
            raise serializers.ValidationError({"budget": _("Both have a value, or both are null.")})
        return attrs


class APIKeyCreateSerializer(APIKeyChangeSerializer):
    """What is left out is as on the key that asks."""

    name = serializers.CharField(**_NAME)
    kind = serializers.ChoiceField(choices=APIKey.Kind.choices, required=False)


class RotationSerializer(StrictSerializer):
    grace_seconds = serializers.IntegerField(
        min_value=0, max_value=30 * 86_400, default=86_400,
        help_text="How long the old key goes on.",
    )  # fmt: skip


class RevokedAPIKeySerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField(default="api_key.deleted")
    deleted = serializers.BooleanField(default=True)


class CallerKeySerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    redacted = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())


class MeSerializer(serializers.Serializer[Any]):
    object = serializers.CharField(default="me")
    organisation = OrganisationSerializer()
    user = UserSerializer(allow_null=True)
    role = serializers.CharField(allow_null=True)
    api_key = CallerKeySerializer()
