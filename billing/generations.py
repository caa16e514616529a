"""One generation as its client may ask for it afterwards, by any of the ids that it saw."""

import re

from api.errors import NotFound
from billing.models import Hold

_SEEN = re.compile(r"(?:gen_|req_|resp_|chatcmpl-|cmpl-)(?P<digits>[0-9a-f]{32})")


def find(organisation_id: str, seen_id: str) -> Hold:
    """Takes `gen_X`, `req_X`, `resp_X`, `chatcmpl-X` and `cmpl-X`.

    Raises NotFound, also for a stranger's.
    """
    match = _SEEN.fullmatch(seen_id)
    mine = Hold.objects.for_organisation(organisation_id)
    hold = mine.filter(pk=f"gen_{match['digits']}").first() if match else None
    if hold is None:
        raise NotFound(
            f"There is no generation {seen_id[:60]!r}.",
            param="id",
            hint="Those that were charged stand in GET /v1/ledger.",
        )
    return hold
