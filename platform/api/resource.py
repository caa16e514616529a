"""The base of DRF views: strict JSON in, our lists and errors out, a schema that says so."""

from typing import Any, Generic, TypeVar

from django.db.models import Model
from rest_framework.generics import ListAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from api.errors import InvalidRequest
from api.pagination import CursorPages
from api.parsing import IgnoreAccept, StrictJSONParser
from api.schema import Schema

Row = TypeVar("Row", bound=Model)


class Resource(APIView):
    """Authentication stands in the settings; scopes in `permission_classes` or the method."""

    parser_classes = [StrictJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = IgnoreAccept
    metadata_class = None
    schema = Schema()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        for name, value in request.query_params.items():
            if "\0" in f"{name}{value}":
                param = name.replace("\0", "")[:64]
                raise InvalidRequest(f"'{param}' may not contain the NUL character.", param=param)


class ResourceList(Resource, ListAPIView[Row], Generic[Row]):
    """GET answers cursor pages of `get_queryset()` through `serializer_class`."""

    pagination_class = CursorPages
