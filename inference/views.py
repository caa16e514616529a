"""GET /v1/models, /v1/models/{id}, /v1/model/info: what can be called, what is known of it."""

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller_of, has_scope
from api.errors import Forbidden
from api.resource import Resource
from inference import catalog, descriptions, serializers
from inference.fine_tuning import serving


class _ModelsView(Resource):
    permission_classes = [has_scope("models:read")]


class ListedModels(_ModelsView):
    @extend_schema(
        operation_id="list_models",
        summary="List what can be called now",
        description="Installed models and their aliases, as far as this key may call them.",
        tags=["models"],
        responses=serializers.ListedModelsSerializer,
    )
    def get(self, request: Request) -> Response:
        caller = caller_of(request)
        listed = catalog.listed(caller.organisation_id, caller.allowed_models)
        return Response(serializers.ListedModelsSerializer({"data": listed}).data)


class ListedModel(_ModelsView):
    @extend_schema(
        operation_id="retrieve_model",
        summary="One model that can be called now",
        description="404 `model_not_found` for every name that GET /v1/models does not list.",
        tags=["models"],
        responses=serializers.ListedModelSerializer,
    )
    def get(self, request: Request, model_id: str) -> Response:
        caller = caller_of(request)
        for entry in catalog.listed(caller.organisation_id, caller.allowed_models):
            if entry.requested == model_id:
                return Response(serializers.ListedModelSerializer(entry).data)
        raise catalog.not_found(model_id)

    @extend_schema(
        operation_id="delete_model",
        summary="Delete a model that your organisation has fine-tuned",
        description="Calls of it that run go on. 403 `model_protected`: other models belong to the "
        "server, and its administrators remove them. 404 `model_not_found` for every other name.",
        tags=["models"],
        responses={200: serializers.DeletedModelSerializer},
    )
    def delete(self, request: Request, model_id: str) -> Response:
        self.get(request, model_id)  # what is not there is 404
        caller = caller_of(request)
        if row := serving.find(model_id, caller.organisation_id):
            caller.require("inference")
            serving.delete(row)
            deleted = serializers.DeletedModelSerializer({"id": model_id, "deleted": True})
            return Response(deleted.data)
        raise Forbidden(
            f"The model `{model_id[:200]}` belongs to the server; only its administrators can "
            "remove it.",
            param="model",
            code="model_protected",
        )


class ModelInfo(_ModelsView):
    @extend_schema(
        operation_id="model_info",
        summary="Status, context window and prices of a model, or of the whole catalog",
        tags=["models"],
        parameters=[
            OpenApiParameter("model", str, description="A model's id or alias; left out: all.")
        ],
        responses=PolymorphicProxySerializer(
            "ModelInfo",
            [serializers.DescriptionSerializer, serializers.DescriptionsSerializer],
            resource_type_field_name=None,
            many=False,
        ),
    )
    def get(self, request: Request) -> Response:
        organisation_id = caller_of(request).organisation_id
        if name := request.query_params.get("model"):
            described = descriptions.of_one(name, organisation_id)
            return Response(serializers.DescriptionSerializer(described).data)
        everything = {"data": descriptions.of_all(organisation_id)}
        return Response(serializers.DescriptionsSerializer(everything).data)
