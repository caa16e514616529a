"""Shapes of the answers about models."""

from rest_framework import serializers

from inference.catalog import CatalogEntry
from inference.descriptions import UNAVAILABLE, Description, Pricing
from inference.models import ServedModel


class ListedModelSerializer(serializers.Serializer[CatalogEntry]):
    """A name that can be called now, as OpenAI's client libraries expect it."""

    id = serializers.CharField(source="requested")
    object = serializers.CharField(default="model", read_only=True)
    created = serializers.IntegerField(help_text="Seconds since 1970 (UTC).")
    owned_by = serializers.CharField()


class ListedModelsSerializer(serializers.Serializer[object]):
    object = serializers.CharField(default="list", read_only=True)
    data = ListedModelSerializer(many=True)  # type: ignore[assignment]  # the wire's name, which DRF uses for its own


class DeletedModelSerializer(serializers.Serializer[object]):
    id = serializers.CharField()
    object = serializers.CharField(default="model", read_only=True)
    deleted = serializers.BooleanField()


class PricingSerializer(serializers.Serializer[Pricing]):
    """USD per million tokens, exact: "0.05"."""

    input = serializers.CharField()
    cached_input = serializers.CharField()
    output = serializers.CharField()
    currency = serializers.CharField(default="USD", read_only=True)
    unit = serializers.CharField(default="1M tokens", read_only=True)


class DescriptionSerializer(serializers.Serializer[Description]):
    """Everything that the catalog knows of a model, installed or not."""

    id = serializers.CharField()
    object = serializers.CharField(default="model", read_only=True)
    created = serializers.IntegerField(help_text="Seconds since 1970 (UTC).")
    owned_by = serializers.CharField()
    status = serializers.ChoiceField([*ServedModel.State.choices, (UNAVAILABLE, "unavailable")])
    context_window = serializers.IntegerField(help_text="Tokens of prompt and answer together.")
    default_max_output = serializers.IntegerField(
        help_text="Output tokens of a call that sets no max_tokens."
    )
    capabilities = serializers.ListField(child=serializers.CharField())
    provider = serializers.CharField()
    best_for = serializers.CharField()
    parameters = serializers.IntegerField(allow_null=True)
    pricing = PricingSerializer(allow_null=True)
    aliases = serializers.ListField(child=serializers.CharField())
    alias_of = serializers.CharField(
        allow_null=True, help_text="Calls of this name reach that model instead."
    )


class DescriptionsSerializer(serializers.Serializer[object]):
    object = serializers.CharField(default="list", read_only=True)
    data = DescriptionSerializer(many=True)  # type: ignore[assignment]  # as above
