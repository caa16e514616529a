"""What is kept of responses, as resources: what they were asked with, and that they are deleted."""

from django.db import transaction
from django.db.models import QuerySet

from accounts import idempotency
from api.errors import InvalidRequest
from inference.models import Response
from inference.responses import rows


def find(organisation_id: str, response_id: str) -> Response:
    """Raises NotFound, also for a stranger's and for one whose time is over."""
    found = _mine(organisation_id, response_id).first() if response_id.isprintable() else None
    if found is None:
        raise rows.unknown(response_id)
    return found


@transaction.atomic
def delete(organisation_id: str, response_id: str) -> None:
    """And what a retry of its call would get.

    Raises NotFound, InvalidRequest (it is still running). What ends and is told so at this
    moment is deleted or refused by one statement.
    """
    found = find(organisation_id, response_id)
    over = _mine(organisation_id, response_id).exclude(status__in=RUNNING)
    if not over.delete()[0]:
        if found.status not in RUNNING:
            raise rows.unknown(response_id)  # somebody else was faster
        raise InvalidRequest(
            "This response is still running. Cancel it first, or wait for its end.",
            param="response_id",
        )
    idempotency.forget(organisation_id, response_id.replace("resp_", "gen_", 1))


RUNNING = (Response.Status.QUEUED, Response.Status.IN_PROGRESS)


def _mine(organisation_id: str, response_id: str) -> QuerySet[Response]:
    mine: QuerySet[Response] = Response.objects.for_organisation(organisation_id)
    return mine.filter(pk=response_id)
