"""Two answers for whoever watches the server: is it alive, and should it get calls."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from api.errors import Unavailable

draining = False
"""Set by the server when it is told to stop: calls in progress finish, new ones go elsewhere."""


@require_safe
def live(_request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(_request: HttpRequest) -> JsonResponse:
    """The process takes calls: it is not stopping, and its database answers."""
    problem = "The server is stopping." if draining else _database_problem()
    if problem:
        error = Unavailable(problem)
        return JsonResponse(error.body(), status=error.status, headers=error.headers())
    return JsonResponse({"status": "ok"})


def _database_problem() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        connection.close()
        return "The database does not answer."
    return None
