"""/v1/balance, /v1/usage, /v1/ledger, /v1/prices, /v1/topups and /v1/generations/{id}."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor
from accounts.authentication import caller_of, has_scope
from accounts.models import Organisation
from api.resource import Resource, ResourceList
from billing import generations, periods, serializers, statements, topping_up, usage
from billing.accounts import customer_account
from billing.csv_answers import csv_answer, wants_csv
from billing.models import Journal, Price, TopUp

CSV = OpenApiParameter(
    "format", str, enum=["json", "csv"],
    description="`csv` (or the header `Accept: text/csv`) answers the whole period as a table.",
)  # fmt: skip
FROM = OpenApiParameter("from", OpenApiTypes.DATE, description="First UTC day; 30 days ago.")
TO = OpenApiParameter(
    "to", OpenApiTypes.DATE, description="First UTC day that does not count any more; tomorrow."
)


class Balance(Resource):
    permission_classes = [has_scope("usage:read")]

    @extend_schema(
        operation_id="retrieve_balance", summary="What can be spent now", tags=["money"],
        responses=serializers.BalanceSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        account = customer_account(caller_of(request).organisation_id)
        return Response(serializers.BalanceSerializer(account).data)


class Usage(Resource):
    permission_classes = [has_scope("usage:read")]

    @extend_schema(
        operation_id="retrieve_usage", summary="Tokens, requests and costs", tags=["money"],
        parameters=[
            FROM, TO, CSV,
            OpenApiParameter(
                "group_by", str,
                description="Any of day, hour (of 7 days at most), model, key, chatbot, with "
                "commas between; else day.",
            ),
            OpenApiParameter("model", str, description="Only calls of this model."),
            OpenApiParameter("key", str, description="Only calls of the key with this id."),
            OpenApiParameter(
                "chatbot", str,
                description="Only calls of the chatbot with this id; `*`: of any chatbot.",
            ),
            OpenApiParameter(
                "state", str, enum=list(usage.STATES),
                description="`failed`: calls that ended without any answer; they cost nothing. "
                "`limited`: calls that a key's rate limit refused (429).",
            ),
        ],
        responses={
            (200, "application/json"): serializers.UsageSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
        },
    )  # fmt: skip
    def get(self, request: Request) -> Response | HttpResponse:
        period = periods.of(request.query_params)
        group_by = periods.group_by(request.query_params, period)
        organisation = caller_of(request).organisation_id
        state, only = periods.usage_filters(request.query_params)
        lines = usage.by(organisation, period.since, period.until, group_by, only, state)
        if wants_csv(request):
            rows = serializers.UsageLineSerializer(lines, many=True).data
            return csv_answer("usage", list(rows))
        told = {
            "object": "usage", "since": period.since, "until": period.until,
            "group_by": group_by, "lines": lines,
            "total_nano": sum(line.charged_nano for line in lines),
        }  # fmt: skip
        return Response(serializers.UsageSerializer(told).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="list_ledger",
        summary="Every movement of the balance",
        tags=["money"],
        parameters=[FROM, TO, CSV],
        responses={
            (200, "application/json"): serializers.LedgerLineSerializer(many=True),
            (200, "text/csv"): OpenApiTypes.STR,
        },
    )
)
class Ledger(ResourceList[Journal]):
    permission_classes = [has_scope("usage:read")]
    serializer_class = serializers.LedgerLineSerializer
    cursor_field = "line"

    def get_queryset(self) -> QuerySet[Journal]:
        lines = statements.lines(caller_of(self.request).organisation_id)
        if {"from", "to"} & set(self.request.query_params):
            period = periods.of(self.request.query_params)
            return lines.filter(created_at__gte=period.begin, created_at__lt=period.end)
        return lines

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response | HttpResponse:  # type: ignore[override] # a table is no Response
        if wants_csv(request):
            rows = self.get_serializer(self.get_queryset()[: periods.MOST_ROWS], many=True).data
            return csv_answer("ledger", list(rows))
        return super().list(request, *args, **kwargs)


@extend_schema_view(
    get=extend_schema(
        operation_id="list_prices",
        summary="Dated prices, the newest first",
        tags=["money"],
        description="Of the rows of a model and tier the newest not in the future is in force.",
        parameters=[OpenApiParameter("model", str), OpenApiParameter("tier", str)],
    )
)
class Prices(ResourceList[Price]):
    permission_classes = [has_scope("models:read")]
    serializer_class = serializers.PriceSerializer
    cursor_field = "effective_from"

    def get_queryset(self) -> QuerySet[Price]:
        asked = self.request.query_params
        return Price.objects.filter(**{k: asked[k] for k in ("model", "tier") if k in asked})


@extend_schema_view(
    get=extend_schema(operation_id="list_topups", summary="Funds added", tags=["money"])
)
class TopUps(ResourceList[TopUp]):
    serializer_class = serializers.TopUpSerializer

    def get_permissions(self) -> list[BasePermission]:
        return [has_scope("billing:write" if self.request.method == "POST" else "usage:read")()]

    def get_queryset(self) -> QuerySet[TopUp]:
        return TopUp.objects.for_organisation(caller_of(self.request).organisation_id)

    @extend_schema(
        operation_id="create_topup", summary="Add funds, or redeem a credit code", tags=["money"],
        description="The same ref or code again answers with the same top-up, credited once. "
        "Payments go through the fake provider of development; no money moves.",
        request=serializers.TopUpRequestSerializer,
        responses={201: serializers.TopUpSerializer},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        actor = Actor.of(request)
        given = serializers.TopUpRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        top_up = _add_funds(actor, given.validated_data)
        return Response(serializers.TopUpSerializer(top_up).data, status=201)


class Generation(Resource):
    permission_classes = [has_scope("usage:read")]

    @extend_schema(
        operation_id="retrieve_generation", summary="Tokens, cost and timings of one call",
        description="Takes the id of the answer (`chatcmpl-…`, `cmpl-…`, `resp_…`), of the request "
        "(`req_…`) or of the generation (`gen_…`), also after a disconnect.",
        tags=["money"], responses=serializers.GenerationSerializer,
    )  # fmt: skip
    def get(self, request: Request, seen_id: str) -> Response:
        hold = generations.find(caller_of(request).organisation_id, seen_id)
        return Response(serializers.GenerationSerializer(hold).data)


def _add_funds(actor: Actor, asked: dict[str, Any]) -> TopUp:
    organisation = Organisation.objects.get(pk=actor.caller.organisation_id)
    name, address = actor.caller.user_id or actor.caller.key_id, actor.address
    if "code" in asked:
        return topping_up.redeem(organisation, asked["code"], actor=name, address=address)
    return topping_up.top_up(
        organisation, asked["amount"], asked["ref"], actor=name, address=address
    )
