"""GET /v1/me, /v1/organisation, /v1/members and the life of /v1/api_keys."""

from datetime import timedelta

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, organisations, serializers
from accounts.actor import Actor
from accounts.authentication import caller_of, has_scope
from accounts.models import APIKey, Membership, Organisation
from accounts.scopes import DESCRIPTIONS
from api.rate_limits import Limits, take_request
from api.resource import Resource, ResourceList

CREATIONS = Limits(requests_per_minute=30, tokens_per_minute=1)
"""New keys a minute for one organisation, whatever its keys allow."""


class Me(Resource):
    @extend_schema(
        operation_id="me", summary="Who this key speaks for", tags=["accounts"],
        responses=serializers.MeSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        caller = caller_of(request)
        key = APIKey.objects.select_related("organisation", "created_by").get(pk=caller.key_id)
        members = Membership.objects.for_organisation(caller.organisation_id)
        member = members.filter(user_id=caller.user_id).first()
        known = {
            "object": "me",
            "organisation": key.organisation,
            "user": key.created_by,
            "role": member.role if member else None,
            "api_key": {
                "id": key.id, "name": key.name, "redacted": key.redacted,
                "scopes": sorted(caller.scopes),
            },
        }  # fmt: skip
        return Response(serializers.MeSerializer(known).data)


class CurrentOrganisation(Resource):
    @extend_schema(
        operation_id="retrieve_organisation", summary="The organisation of this key",
        tags=["accounts"], responses=serializers.OrganisationSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        organisation = Organisation.objects.get(pk=caller_of(request).organisation_id)
        return Response(serializers.OrganisationSerializer(organisation).data)

    @extend_schema(
        operation_id="change_organisation", summary="Change its name or default model",
        description="`default_model` is the model of calls that name none; null: the server's.",
        tags=["accounts"], request=serializers.OrganisationChangeSerializer,
        responses=serializers.OrganisationSerializer,
    )  # fmt: skip
    def patch(self, request: Request) -> Response:
        actor = Actor.of(request)
        actor.caller.require("admin")
        given = serializers.OrganisationChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        organisation = organisations.change(actor, given.validated_data)
        return Response(serializers.OrganisationSerializer(organisation).data)


@extend_schema_view(
    get=extend_schema(operation_id="list_members", summary="Who belongs to it", tags=["accounts"])
)
class Members(ResourceList[Membership]):
    permission_classes = [has_scope("admin")]
    serializer_class = serializers.MemberSerializer

    def get_queryset(self) -> QuerySet[Membership]:
        members = Membership.objects.for_organisation(caller_of(self.request).organisation_id)
        return members.select_related("user")


@extend_schema_view(
    get=extend_schema(operation_id="list_api_keys", summary="List API keys", tags=["API keys"])
)
class APIKeys(ResourceList[APIKey]):
    permission_classes = [has_scope("keys:write")]
    serializer_class = serializers.APIKeySerializer

    def get_queryset(self) -> QuerySet[APIKey]:
        return APIKey.objects.for_organisation(caller_of(self.request).organisation_id)

    @extend_schema(
        operation_id="create_api_key", summary="Make an API key, shown this once",
        description="What is left out is as on the key that asks; no key hands on more than it "
        "has. Scopes:\n" + "\n".join(f"- `{name}`: {text}" for name, text in DESCRIPTIONS.items()),
        tags=["API keys"], request=serializers.APIKeyCreateSerializer,
        responses={201: serializers.IssuedAPIKeySerializer},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        actor = Actor.of(request)
        take_request(f"new keys of {actor.caller.organisation_id}", CREATIONS)
        given = serializers.APIKeyCreateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return _issued(*keys.create(actor, given.validated_data))


class SingleAPIKey(Resource):
    permission_classes = [has_scope("keys:write")]

    @extend_schema(
        operation_id="retrieve_api_key", summary="One API key, without the key itself",
        tags=["API keys"], responses=serializers.APIKeySerializer,
    )  # fmt: skip
    def get(self, request: Request, key_id: str) -> Response:
        key = keys.find(Actor.of(request), key_id)
        return Response(serializers.APIKeySerializer(key).data)

    @extend_schema(
        operation_id="change_api_key", summary="Change what a key may do", tags=["API keys"],
        request=serializers.APIKeyChangeSerializer, responses=serializers.APIKeySerializer,
    )  # fmt: skip
    def patch(self, request: Request, key_id: str) -> Response:
        given = serializers.APIKeyChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        key = keys.change(Actor.of(request), key_id, given.validated_data)
        return Response(serializers.APIKeySerializer(key).data)

    @extend_schema(
        operation_id="revoke_api_key", summary="Revoke a key: its next request is refused",
        tags=["API keys"], responses={200: serializers.RevokedAPIKeySerializer},
    )  # fmt: skip
    def delete(self, request: Request, key_id: str) -> Response:
        key = keys.revoke(Actor.of(request), key_id)
        revoked = {"id": key.id, "object": "api_key.deleted", "deleted": True}
        return Response(serializers.RevokedAPIKeySerializer(revoked).data)


class Rotations(Resource):
    permission_classes = [has_scope("keys:write")]

    @extend_schema(
        operation_id="rotate_api_key", summary="Replace a key by one that may do the same",
        description="The old key goes on for `grace_seconds` (a day unless told).",
        tags=["API keys"], request=serializers.RotationSerializer,
        responses={201: serializers.IssuedAPIKeySerializer},
    )  # fmt: skip
    def post(self, request: Request, key_id: str) -> Response:
        actor = Actor.of(request)
        take_request(f"new keys of {actor.caller.organisation_id}", CREATIONS)
        given = serializers.RotationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        grace = timedelta(seconds=given.validated_data["grace_seconds"])
        return _issued(*keys.rotate(actor, key_id, grace))


def _issued(key: APIKey, plaintext: str) -> Response:
    shown = serializers.IssuedAPIKeySerializer(key, context={"plaintext": plaintext})
    return Response(shown.data, status=201)
