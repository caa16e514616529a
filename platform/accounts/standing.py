"""Whether members still may what they were let in for: for whoever holds a connection open."""

from collections.abc import Collection
from typing import Final, NamedTuple

from accounts.scopes import OF_ROLE
from api import database


class Member(NamedTuple):
    organisation_id: str
    user_id: str


async def still_may(scope: str, asked: Collection[Member]) -> set[Member]:
    """Those of these who are members now, in a role with this scope."""
    if not asked:
        return set()
    values = {
        "organisations": [one.organisation_id for one in asked],
        "users": [one.user_id for one in asked],
        "roles": [role for role, held in OF_ROLE.items() if scope in held],
    }
    async with database.connection() as pooled:
        rows = await (await pooled.execute(_FIND, values)).fetchall()
    return {Member(*row) for row in rows}


_FIND: Final = """
    SELECT member.organisation_id, member.user_id
      FROM unnest(%(organisations)s::text[], %(users)s::text[]) AS asked (organisation_id, user_id)
      JOIN accounts_membership AS member USING (organisation_id, user_id)
      JOIN accounts_user AS person ON person.id = member.user_id
     WHERE member.role = ANY(%(roles)s) AND person.is_active
"""
