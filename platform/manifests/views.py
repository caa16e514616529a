"""/v1/manifests: apply, describe, delete; /v1/manifest_kinds: what there is, example and schema."""

from typing import Any

import yaml
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor
from accounts.serializers import StrictSerializer
from api.errors import InvalidRequest
from api.resource import Resource
from manifests import applying, reading, schemas
from manifests.kind import Kind
from manifests.kinds import KINDS

MOST_FILES = 200


class ManifestFileSerializer(StrictSerializer):
    name = serializers.CharField(max_length=500, help_text="How errors call the file.")
    text = serializers.CharField(
        max_length=reading.MOST_CHARACTERS, trim_whitespace=False, help_text="YAML."
    )


class ApplySerializer(StrictSerializer):
    files = ManifestFileSerializer(many=True)
    dry_run = serializers.BooleanField(default=False, help_text="Only tell what would change.")

    def validate_files(self, files: list[dict[str, str]]) -> list[dict[str, str]]:
        if not 0 < len(files) <= MOST_FILES:
            raise serializers.ValidationError(f"Give 1 to {MOST_FILES} files.")
        return files


class AppliedSerializer(serializers.Serializer[Any]):
    object = serializers.CharField(default="manifest.applied")
    kind = serializers.CharField()
    name = serializers.CharField()
    action = serializers.ChoiceField(choices=["created", "changed", "unchanged"])
    diff = serializers.CharField(help_text="Unified; empty when nothing changes.")
    secrets = serializers.DictField(child=serializers.CharField(), help_text="Shown this once.")


class ManifestNameSerializer(serializers.Serializer[Any]):
    object = serializers.CharField(default="manifest")
    kind = serializers.CharField()
    name = serializers.CharField()


class DescribedManifestSerializer(serializers.Serializer[Any]):
    object = serializers.CharField(default="manifest")
    manifest = serializers.DictField(help_text="apiVersion, kind, metadata, spec, status.")
    yaml = serializers.CharField(help_text="The same as text.")


class DeletedManifestSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField(default="manifest.deleted")
    deleted = serializers.BooleanField(default=True)


class ManifestKindSerializer(serializers.Serializer[Any]):
    object = serializers.CharField(default="manifest_kind")
    id = serializers.CharField()
    about = serializers.CharField()
    example = serializers.CharField(help_text="YAML.")


class DetailedManifestKindSerializer(ManifestKindSerializer):
    schema = serializers.DictField(help_text="JSON Schema of the spec.")


def _list_of(each: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    name = each.__name__.replace("Serializer", "List")
    fields = {"object": serializers.CharField(default="list"), "data": each(many=True)}
    return inline_serializer(name, fields)


class Manifests(Resource):
    @extend_schema(
        operation_id="apply_manifests", summary="Apply manifests: all of them or none",
        description="Each resource becomes what its manifest says; what it says already is "
        "unchanged. Errors name file, line and field.",
        tags=["manifests"], request=ApplySerializer, responses=_list_of(AppliedSerializer),
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        given = ApplySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = [
            each
            for file in given.validated_data["files"]
            for each in reading.manifests(file["name"], file["text"])
        ]
        if len(asked) > reading.MOST_MANIFESTS:
            raise InvalidRequest(f"Apply up to {reading.MOST_MANIFESTS} at once.", param="files")
        dry_run = given.validated_data["dry_run"]
        done = applying.apply(Actor.of(request), asked, dry_run=dry_run)
        return Response({"object": "list", "dry_run": dry_run, "data": [_told(o) for o in done]})


class ManifestsOfKind(Resource):
    @extend_schema(
        operation_id="list_manifests", summary="Names of what there is of a kind",
        tags=["manifests"], responses=_list_of(ManifestNameSerializer),
    )  # fmt: skip
    def get(self, request: Request, kind: str) -> Response:
        names = applying.listed(Actor.of(request), kind)
        shown = [
            {"object": "manifest", "kind": applying.known(kind).name, "name": n} for n in names
        ]
        return Response({"object": "list", "data": shown})


class SingleManifest(Resource):
    @extend_schema(
        operation_id="describe_manifest", summary="A resource as a manifest",
        description="What `apply` takes back and changes nothing; `yaml` is the same as text.",
        tags=["manifests"], responses=DescribedManifestSerializer,
    )  # fmt: skip
    def get(self, request: Request, kind: str, name: str) -> Response:
        manifest = applying.describe(Actor.of(request), kind, name)
        return Response({"object": "manifest", "manifest": manifest, "yaml": _yaml(manifest)})

    @extend_schema(
        operation_id="delete_manifest", summary="Delete the resource (an APIKey is revoked)",
        tags=["manifests"], responses={200: DeletedManifestSerializer},
    )  # fmt: skip
    def delete(self, request: Request, kind: str, name: str) -> Response:
        applying.delete(Actor.of(request), kind, name)
        return Response({"object": "manifest.deleted", "id": name, "deleted": True})


class Kinds(Resource):
    @extend_schema(
        operation_id="list_manifest_kinds", summary="Kinds of manifests, an example of each",
        tags=["manifests"], responses=_list_of(ManifestKindSerializer),
    )  # fmt: skip
    def get(self, _request: Request) -> Response:
        return Response({"object": "list", "data": [_told_of(kind) for kind in KINDS.values()]})


class SingleKind(Resource):
    @extend_schema(
        operation_id="retrieve_manifest_kind", summary="A kind: its example and its JSON Schema",
        tags=["manifests"], responses=DetailedManifestKindSerializer,
    )  # fmt: skip
    def get(self, _request: Request, kind: str) -> Response:
        found = applying.known(kind)
        return Response({**_told_of(found), "schema": schemas.of(found)})


def _told_of(kind: Kind[Any]) -> dict[str, Any]:
    example = _yaml(applying.example(kind))
    return {"object": "manifest_kind", "id": kind.name, "about": kind.about, "example": example}


def _told(outcome: applying.Outcome) -> dict[str, Any]:
    return {
        "object": "manifest.applied", "kind": outcome.kind, "name": outcome.name,
        "action": outcome.action, "diff": outcome.diff, "secrets": dict(outcome.secrets),
    }  # fmt: skip


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
