"""The life of /v1/webhooks, and the log of what was sent to each."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor
from accounts.authentication import caller_of, has_scope
from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.serializers import StrictSerializer
from accounts.webhooks import EVENTS, endpoints
from api.rate_limits import Limits, take_request
from api.resource import Resource, ResourceList

TESTS = Limits(requests_per_minute=10, tokens_per_minute=1)


class WebhookSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    object = serializers.CharField(default="webhook", read_only=True)
    events = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = WebhookEndpoint
        fields = ["id", "object", "url", "description", "events", "enabled", "created_at"]
        read_only_fields = fields


class IssuedWebhookSerializer(WebhookSerializer):
    """The one answer that shows the secret."""

    secret = serializers.SerializerMethodField(help_text="Verifies signatures. Not shown again.")

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields

    def get_secret(self, _endpoint: WebhookEndpoint) -> str:
        return str(self.context["secret"])


class WebhookChangeSerializer(StrictSerializer):
    url = serializers.CharField(max_length=500, required=False)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(EVENTS)), min_length=1,
        max_length=len(EVENTS), required=False,
    )  # fmt: skip
    enabled = serializers.BooleanField(required=False)

    def validate_events(self, events: list[str]) -> list[str]:
        return sorted(set(events))


class WebhookCreateSerializer(WebhookChangeSerializer):
    url = serializers.CharField(max_length=500)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(EVENTS)), min_length=1, max_length=len(EVENTS)
    )


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    object = serializers.CharField(default="webhook.delivery", read_only=True)
    webhook = serializers.CharField(source="endpoint_id", read_only=True)
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices, read_only=True)
    body = serializers.CharField(read_only=True, help_text="The exact text that is signed.")

    class Meta:
        model = WebhookDelivery
        fields = [
            "id", "object", "webhook", "event", "state", "attempts", "status", "answer", "body",
            "created_at", "next_attempt_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class DeletedWebhookSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField(default="webhook.deleted")
    deleted = serializers.BooleanField(default=True)


@extend_schema_view(
    get=extend_schema(operation_id="list_webhooks", summary="List webhooks", tags=["webhooks"])
)
class Webhooks(ResourceList[WebhookEndpoint]):
    permission_classes = [has_scope("admin")]
    serializer_class = WebhookSerializer

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        return WebhookEndpoint.objects.for_organisation(caller_of(self.request).organisation_id)

    @extend_schema(
        operation_id="create_webhook", summary="Be told of events; the secret shows this once",
        description="Events:\n" + "\n".join(f"- `{name}`: {text}" for name, text in EVENTS.items()),
        tags=["webhooks"], request=WebhookCreateSerializer,
        responses={201: IssuedWebhookSerializer},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        actor = Actor.of(request)
        given = WebhookCreateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        endpoint, secret = endpoints.create(
            actor.caller.organisation_id, given.validated_data, _name(actor), actor.address
        )
        shown = IssuedWebhookSerializer(endpoint, context={"secret": secret})
        return Response(shown.data, status=201)


class SingleWebhook(Resource):
    permission_classes = [has_scope("admin")]

    @extend_schema(
        operation_id="retrieve_webhook", summary="One webhook, without its secret",
        tags=["webhooks"], responses=WebhookSerializer,
    )  # fmt: skip
    def get(self, request: Request, webhook_id: str) -> Response:
        endpoint = endpoints.find(caller_of(request).organisation_id, webhook_id)
        return Response(WebhookSerializer(endpoint).data)

    @extend_schema(
        operation_id="change_webhook", summary="Change where it goes, or what it tells",
        tags=["webhooks"], request=WebhookChangeSerializer, responses=WebhookSerializer,
    )  # fmt: skip
    def patch(self, request: Request, webhook_id: str) -> Response:
        actor = Actor.of(request)
        given = WebhookChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        endpoint = endpoints.change(
            actor.caller.organisation_id, webhook_id, given.validated_data, _name(actor),
            actor.address,
        )  # fmt: skip
        return Response(WebhookSerializer(endpoint).data)

    @extend_schema(
        operation_id="delete_webhook", summary="Delete a webhook and its log",
        tags=["webhooks"], responses={200: DeletedWebhookSerializer},
    )  # fmt: skip
    def delete(self, request: Request, webhook_id: str) -> Response:
        actor = Actor.of(request)
        endpoints.delete(actor.caller.organisation_id, webhook_id, _name(actor), actor.address)
        gone = {"id": webhook_id, "object": "webhook.deleted", "deleted": True}
        return Response(DeletedWebhookSerializer(gone).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="list_webhook_deliveries", summary="What was sent, and what came back",
        tags=["webhooks"],
    )
)  # fmt: skip
class Deliveries(ResourceList[WebhookDelivery]):
    permission_classes = [has_scope("admin")]
    serializer_class = DeliverySerializer

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        organisation_id = caller_of(self.request).organisation_id
        endpoint = endpoints.find(organisation_id, self.kwargs["webhook_id"])
        mine: QuerySet[WebhookDelivery] = WebhookDelivery.objects.all().for_organisation(
            organisation_id
        )
        return mine.filter(endpoint=endpoint)

    @extend_schema(
        operation_id="create_webhook_delivery", summary="Send a test event", tags=["webhooks"],
        request=None, responses={201: DeliverySerializer},
    )  # fmt: skip
    def post(self, request: Request, webhook_id: str) -> Response:
        actor = Actor.of(request)
        take_request(f"webhook tests of {actor.caller.organisation_id}", TESTS)
        sent = endpoints.send_test(actor.caller.organisation_id, webhook_id)
        return Response(DeliverySerializer(sent).data, status=201)


def _name(actor: Actor) -> str:
    return actor.caller.user_id or actor.caller.key_id
