"""Who changes something, and from where: what the audit asks of every change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework.request import Request

from accounts.authentication import Caller, address_of, caller_of
from accounts.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Actor:
    caller: Caller
    address: str | None

    @classmethod
    def of(cls, request: Request) -> "Actor":
        return cls(caller_of(request), address_of(request))

    def record(
        self,
        action: str,
        target: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """One audit entry, in the transaction of the change it speaks of; facts hold no secrets."""
        AuditEntry.objects.create(
            organisation_id=self.caller.organisation_id,
            actor=self.caller.user_id or self.caller.key_id,
            action=action,
            target=target,
            before=before,
            after=after,
            address=self.address,
        )
