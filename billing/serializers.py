"""Shapes of money in the API: amounts as exact decimal strings and as integer nano-dollars."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers import StrictSerializer
from billing import pricing
from billing.models import Account, Hold, Journal, Price, TopUp
from billing.usage import UsageLine


@extend_schema_field({"type": "string", "example": "0.000043"})
class UsdField(serializers.Field[int, str, str, int]):
    """Nano-dollars inside, an exact decimal string of US dollars outside."""

    def to_representation(self, value: int) -> str:
        return pricing.usd(value)

    def to_internal_value(self, data: str) -> int:
        if not isinstance(data, str):
            raise serializers.ValidationError("Give US dollars as a string, such as '12.50'.")
        try:
            return pricing.nano(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


@extend_schema_field({"type": "string", "example": "0.010"})
class UsdPerMillionField(serializers.Field[int, str, str, int]):
    """Pico-dollars per token inside, US dollars per million tokens outside, as an exact string."""

    def to_representation(self, value: int) -> str:
        return pricing.usd_per_million(value)

    def to_internal_value(self, data: str) -> int:
        try:
            return pricing.price_per_million(str(data))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


def usd(source: str, **options: Any) -> UsdField:
    return UsdField(source=source, read_only=True, **options)


def nano(source: str, **options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(source=source, read_only=True, **options)


def kind(name: str) -> serializers.CharField:
    return serializers.CharField(default=name, read_only=True)


class BalanceSerializer(serializers.ModelSerializer[Account]):
    object = kind("balance")
    available = UsdField(read_only=True, help_text="Can be spent now.")
    available_nano = nano("available")
    held = UsdField(read_only=True, help_text="Promised to calls that run now.")
    held_nano = nano("held")
    balance = UsdField(read_only=True, help_text="Available and held.")
    balance_nano = nano("balance")
    spent_this_month = UsdField(
        read_only=True, help_text="Charged for calls that were begun in this UTC month."
    )
    spent_this_month_nano = nano("spent_this_month")
    spending_cap = UsdField(
        read_only=True, allow_null=True, help_text="What a UTC month's calls may cost; null: all."
    )
    spending_cap_nano = nano("spending_cap", allow_null=True)

    class Meta:
        model = Account
        fields = [
            "object", "currency", "available", "available_nano", "held", "held_nano", "balance",
            "balance_nano", "spent_this_month", "spent_this_month_nano", "spending_cap",
            "spending_cap_nano",
        ]  # fmt: skip
        read_only_fields = fields


class UsageLineSerializer(serializers.Serializer[Any]):
    day = serializers.DateField(allow_null=True)
    hour = serializers.DateTimeField(allow_null=True, help_text="When it began.")
    model = serializers.CharField(allow_null=True)
    key = serializers.CharField(allow_null=True)
    chatbot = serializers.CharField(allow_null=True)
    requests = serializers.IntegerField()
    prompt_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    cost = usd("charged_nano")
    cost_nano = nano("charged_nano")

    def to_representation(self, instance: UsageLine) -> dict[str, Any]:
        """Its fields as they are told one by one, at a fifth of the time: there may be 100,000."""
        line = instance._asdict()
        charged = line.pop("charged_nano")
        day, hour = line["day"], line["hour"]
        return {
            **line,
            "day": day and day.isoformat(),
            "hour": hour and f"{hour:%Y-%m-%dT%H:%M:%SZ}",
            "cost": pricing.usd(charged),
            "cost_nano": charged,
        }


class UsageSerializer(serializers.Serializer[Any]):
    object = kind("usage")
    group_by = serializers.ListField(child=serializers.CharField())
    total_cost = usd("total_nano")
    total_cost_nano = nano("total_nano")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a word of Python, and every serializer has a property `data`.
        return {
            **super().get_fields(),
            "from": serializers.DateField(source="since"),
            "to": serializers.DateField(source="until", help_text="The first day not counted."),
            "data": UsageLineSerializer(source="lines", many=True),
        }


class LedgerLineSerializer(serializers.ModelSerializer[Journal]):
    object = kind("ledger_entry")
    amount = UsdField(read_only=True, help_text="Negative: taken from the balance.")
    amount_nano = nano("amount")
    balance_after = UsdField(read_only=True)
    balance_after_nano = nano("balance_after")
    generation = serializers.CharField(source="hold_id", read_only=True, allow_null=True)
    model = serializers.CharField(
        source="hold.model", default=None, read_only=True, allow_null=True
    )
    corrects = serializers.CharField(source="original_id", read_only=True, allow_null=True)

    class Meta:
        model = Journal
        fields = [
            "id", "object", "kind", "amount", "amount_nano", "balance_after", "balance_after_nano",
            "generation", "model", "corrects", "note", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class NewPriceSerializer(StrictSerializer):
    """What a price is set with; `cached_input` is `input` when it is left out."""

    input = UsdPerMillionField(help_text="USD per million prompt tokens.")
    cached_input = UsdPerMillionField(required=False, help_text="Of those, from the cache.")
    output = UsdPerMillionField(help_text="USD per million generated tokens.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.setdefault("cached_input", attrs["input"]) > attrs["input"]:
            raise serializers.ValidationError({"cached_input": "Not more than input."})
        return attrs


class PriceSerializer(serializers.ModelSerializer[Price]):
    object = kind("price")
    input = UsdPerMillionField(read_only=True, help_text="USD per million prompt tokens.")
    cached_input = UsdPerMillionField(
        read_only=True, help_text="USD per million prompt tokens from the cache."
    )
    output = UsdPerMillionField(read_only=True, help_text="USD per million generated tokens.")
    input_pico = serializers.IntegerField(
        source="input", read_only=True, help_text="Pico-dollars per token."
    )
    cached_input_pico = serializers.IntegerField(source="cached_input", read_only=True)
    output_pico = serializers.IntegerField(source="output", read_only=True)

    class Meta:
        model = Price
        fields = [
            "id", "object", "model", "tier", "input", "cached_input", "output", "input_pico",
            "cached_input_pico", "output_pico", "effective_from",
        ]  # fmt: skip
        read_only_fields = fields


class TopUpSerializer(serializers.ModelSerializer[TopUp]):
    object = kind("topup")
    amount = UsdField(read_only=True)
    amount_nano = nano("amount")
    provider_label = serializers.CharField(
        source="get_provider_display", read_only=True, help_text="The provider, for people."
    )
    ledger_entry = serializers.CharField(source="journal_id", read_only=True)

    class Meta:
        model = TopUp
        fields = [
            "id", "object", "provider", "provider_label", "ref", "amount", "amount_nano",
            "ledger_entry", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class TopUpRequestSerializer(StrictSerializer):
    """Either an amount with the payer's own ref, or a credit code."""

    amount = UsdField(required=False, help_text="USD as a string, such as '12.50'.")
    ref = serializers.CharField(
        max_length=200, required=False, help_text="Your name for this payment; credited once."
    )
    code = serializers.CharField(max_length=64, required=False, help_text="A credit code.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("code" in attrs) == ("amount" in attrs):
            raise serializers.ValidationError({"amount": "Give either an amount or a code."})
        if "amount" in attrs and "ref" not in attrs:
            raise serializers.ValidationError({"ref": "Name the payment, so that it counts once."})
        return attrs


class GenerationSerializer(serializers.ModelSerializer[Hold]):
    object = kind("generation")
    request_id = serializers.SerializerMethodField()
    api_key = serializers.CharField(source="key_id", read_only=True, allow_null=True)
    chatbot = serializers.CharField(source="chatbot_id", read_only=True, allow_null=True)
    total_tokens = serializers.IntegerField(read_only=True)
    cost = usd("charged")
    cost_nano = nano("charged")
    held = usd("still_held")
    held_nano = nano("still_held")
    finished_at = serializers.DateTimeField(source="closed_at", read_only=True, allow_null=True)

    class Meta:
        model = Hold
        fields = [
            "id", "object", "request_id", "model", "state", "finish_reason", "prompt_tokens",
            "cached_tokens", "completion_tokens", "total_tokens", "max_output", "choices", "cost",
            "cost_nano", "held", "held_nano", "first_token_ms", "duration_ms", "api_key",
            "chatbot", "created_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_request_id(self, hold: Hold) -> str:
        return hold.id.replace("gen_", "req_", 1)
