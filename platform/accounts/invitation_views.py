"""GET and POST /v1/invitations, DELETE /v1/invitations/{id}; changing and ending memberships."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import invitations, members
from accounts.actor import Actor
from accounts.authentication import caller_of, has_scope
from accounts.models import Invitation, Membership, Organisation, User
from accounts.serializers import MemberSerializer, StrictSerializer
from api.errors import Forbidden
from api.rate_limits import Limits, take_request
from api.resource import Resource, ResourceList

_SENT = Limits(requests_per_minute=20, tokens_per_minute=1)
"""Invitations a minute of one organisation, by whatever door."""
_PEOPLE_ONLY = "Only a key that a person made can change who belongs to the organisation."


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    object = serializers.CharField(default="invitation", read_only=True)
    invited_by = serializers.CharField(source="invited_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Invitation
        fields = [
            "id", "object", "email", "role", "invited_by", "created_at", "expires_at",
            "accepted_at", "revoked_at",
        ]  # fmt: skip
        read_only_fields = fields


class IssuedInvitationSerializer(InvitationSerializer):
    """The one answer that shows the link."""

    link = serializers.SerializerMethodField(help_text="Give it to them. It is not shown again.")

    class Meta(InvitationSerializer.Meta):
        fields = [*InvitationSerializer.Meta.fields, "link"]
        read_only_fields = fields

    def get_link(self, _invitation: Invitation) -> str:
        return str(self.context["link"])


class InvitationCreateSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class RoleSerializer(StrictSerializer):
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class DeletedMemberSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField(default="member.deleted")
    deleted = serializers.BooleanField(default=True)


@extend_schema_view(
    get=extend_schema(operation_id="list_invitations", summary="Who was invited", tags=["accounts"])
)
class Invitations(ResourceList[Invitation]):
    permission_classes = [has_scope("admin")]
    serializer_class = InvitationSerializer

    def get_queryset(self) -> QuerySet[Invitation]:
        return Invitation.objects.for_organisation(caller_of(self.request).organisation_id)

    @extend_schema(
        operation_id="create_invitation", summary="Invite somebody by a link, shown this once",
        description="The link works once, for seven days, for an account with this address. "
        "A new one takes the place of an open one to the same address.",
        tags=["accounts"], request=InvitationCreateSerializer,
        responses={201: IssuedInvitationSerializer},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        actor = Actor.of(request)
        take_request(f"invitations of {actor.caller.organisation_id}", _SENT)
        given = InvitationCreateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        organisation = Organisation.objects.get(pk=actor.caller.organisation_id)
        invitation, token = invitations.invite(
            organisation, given.validated_data["email"], given.validated_data["role"],
            _person(actor), actor.address,
        )  # fmt: skip
        link = request.build_absolute_uri(reverse("invitation", args=[token]))
        shown = IssuedInvitationSerializer(invitation, context={"link": link})
        return Response(shown.data, status=201)


class SingleInvitation(Resource):
    permission_classes = [has_scope("admin")]

    @extend_schema(
        operation_id="revoke_invitation", summary="Take an invitation back",
        tags=["accounts"], responses={200: InvitationSerializer},
    )  # fmt: skip
    def delete(self, request: Request, invitation_id: str) -> Response:
        actor = Actor.of(request)
        revoked = invitations.revoke(
            actor.caller.organisation_id, invitation_id, _person(actor), actor.address
        )
        return Response(InvitationSerializer(revoked).data)


class SingleMember(Resource):
    permission_classes = [has_scope("admin")]

    @extend_schema(
        operation_id="change_member", summary="Change a member's role",
        description="It bites on the next request of every key that the member made.",
        tags=["accounts"], request=RoleSerializer, responses=MemberSerializer,
    )  # fmt: skip
    def patch(self, request: Request, member_id: str) -> Response:
        actor = Actor.of(request)
        given = RoleSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        member = members.change_role(
            actor.caller.organisation_id, member_id, given.validated_data["role"],
            _person(actor), actor.address,
        )  # fmt: skip
        return Response(MemberSerializer(member).data)

    @extend_schema(
        operation_id="remove_member", summary="End a membership: its keys stop at once",
        tags=["accounts"], responses={200: DeletedMemberSerializer},
    )  # fmt: skip
    def delete(self, request: Request, member_id: str) -> Response:
        actor = Actor.of(request)
        members.remove(actor.caller.organisation_id, member_id, _person(actor), actor.address)
        ended = {"id": member_id, "object": "member.deleted", "deleted": True}
        return Response(DeletedMemberSerializer(ended).data)


def _person(actor: Actor) -> User:
    """Whose rank bounds what may be handed out. Raises Forbidden for a key that nobody made."""
    if actor.caller.user_id is None:
        raise Forbidden(_PEOPLE_ONLY)
    return User.objects.get(pk=actor.caller.user_id)
