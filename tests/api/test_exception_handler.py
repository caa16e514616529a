"""Whatever goes wrong leaves in the envelope, with all four keys and nothing from the inside."""

import json
import logging
from typing import Any

import psycopg
import pytest
from django.core.exceptions import PermissionDenied
from django.db import DataError, OperationalError
from django.http import Http404
from django.test import Client, RequestFactory
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from api import database, errors, exception_handler
from api.resource import Resource


def answer_to(raised: Exception, **request: Any) -> tuple[int, dict[str, Any]]:
    class Failing(Resource):
        authentication_classes = []
        permission_classes = []

        def get(self, request: Request) -> Response:
            raise raised

        def post(self, request: Request) -> Response:
            return Response(request.data)

    method = request.pop("method", "GET")
    made = APIRequestFactory().generic(method, "/v1/x", **request)
    response = Failing.as_view()(made)
    if isinstance(response, Response):
        response.render()
    body = json.loads(response.content)
    if response.status_code >= 400:
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
    return response.status_code, body.get("error", body)


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (errors.ModelNotFound("x"), 404, "model_not_found"),
        (OperationalError("FATAL: password of host 10.0.0.1"), 503, "database_unavailable"),
        (DataError("invalid byte sequence"), 400, None),
        (Http404(), 404, "not_found"),
        (exceptions.NotFound(), 404, "not_found"),
        (PermissionDenied(), 403, "insufficient_scope"),
        (exceptions.PermissionDenied(), 403, "insufficient_scope"),
        (exceptions.ParseError(), 400, None),
        (exceptions.ValidationError({"a": ["x"]}), 400, None),
    ],
)
def test_known_errors_have_their_status_and_code(
    raised: Exception, status: int, code: str | None
) -> None:
    found, error = answer_to(raised)
    assert (found, error["code"]) == (status, code)
    assert "10.0.0.1" not in error["message"]


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (psycopg.errors.DiskFull(), database.FULL),
        (psycopg.errors.QueryCanceled(), database.BUSY),
        (psycopg.errors.LockNotAvailable(), database.BUSY),
        (psycopg.OperationalError(), database.UNREACHABLE),
        (None, database.UNREACHABLE),
    ],
)
def test_it_is_told_what_the_database_lacks(cause: Exception | None, said: str) -> None:
    raised = OperationalError()
    raised.__cause__ = cause
    status, error = answer_to(raised)
    assert (status, error["message"]) == (503, said)


def test_an_unknown_error_is_logged_and_tells_the_client_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, "api.exception_handler"):
        status, error = answer_to(ZeroDivisionError("SELECT secret FROM /etc/passwd"))
    assert (status, error["type"], error["code"]) == (500, "server_error", "internal_error")
    assert "secret" not in str(error)
    assert "ZeroDivisionError" not in str(error)
    assert caplog.records[0].exc_info


@pytest.mark.parametrize(
    ("detail", "param", "message"),
    [
        ({"name": ["Too long."]}, "name", "name: Too long."),
        ({"a": {"b": ["Bad."]}}, "a.b", "a.b: Bad."),
        ({"a": [{}, {"b": ["Bad."]}]}, "a.b", "a.b: Bad."),
        ({"a": {1: ["Bad."]}}, "a.1", "a.1: Bad."),
        ({"non_field_errors": ["Both or none."]}, None, "Both or none."),
        (["Bad."], None, "Bad."),
    ],
)
def test_the_first_complaint_names_its_parameter(
    detail: Any, param: str | None, message: str
) -> None:
    _, error = answer_to(exceptions.ValidationError(detail))
    assert (error["param"], error["message"]) == (param, message)


def test_a_wrong_method_is_not_allowed_and_options_tell_nothing() -> None:
    for method in ("PUT", "OPTIONS"):
        status, error = answer_to(Http404(), method=method)
        assert (status, error["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("data", "content_type"),
    [("{", "application/json"), ("[1]", "application/json"), ('{"a": NaN}', "application/json"),
     ("a=1", "application/x-www-form-urlencoded"), ("\xff", "text/plain")],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(data: str, content_type: str) -> None:
    status, error = answer_to(Http404(), method="POST", data=data, content_type=content_type)
    assert (status, error["type"]) == (400, "invalid_request_error")


def test_an_accept_header_changes_nothing() -> None:
    status, body = answer_to(
        Http404(), method="POST", data='{"a": 1}', content_type="application/json",
        HTTP_ACCEPT="text/html",
    )  # fmt: skip
    assert (status, body) == (200, {"a": 1})


def test_unknown_paths_answer_json_to_everybody() -> None:
    for path in ("/v1/nothing", "/nothing", "/v1/", "/v1/me/"):
        answer = Client().get(path, headers={"accept": "text/html"})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"


def test_djangos_own_errors_answer_json_outside_of_pages() -> None:
    request = RequestFactory().get("/v1/x")
    assert exception_handler.server_error(request).status_code == 500
    assert exception_handler.bad_request(request, ValueError()).status_code == 400
    assert exception_handler.forbidden(request, PermissionDenied()).status_code == 403
    page = RequestFactory().get("/admin/x")
    assert exception_handler.server_error(page)["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("query", "param"), [("a=1&model=x%00y", "model"), ("mod%00el=1", "model")]
)
def test_nul_in_a_query_is_refused_by_the_parameters_name(query: str, param: str) -> None:
    status, error = answer_to(Http404(), QUERY_STRING=query)
    assert (status, error["param"]) == (400, param)
    assert "NUL" in error["message"]
