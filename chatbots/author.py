"""Who changes a chatbot, for its versions and the audit: a key, a person, or the system itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.actor import Actor
from accounts.models import AuditEntry
from chatbots.models import Chatbot


@dataclass(frozen=True, slots=True)
class Author:
    id: str
    address: str | None = None

    @classmethod
    def of(cls, actor: Actor) -> "Author":
        return cls(actor.caller.user_id or actor.caller.key_id, actor.address)

    def record(
        self,
        action: str,
        chatbot: Chatbot,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """One audit entry, in the transaction of the change it speaks of."""
        AuditEntry.objects.create(
            organisation_id=chatbot.organisation_id,
            actor=self.id,
            action=f"chatbot.{action}",
            target=chatbot.id,
            before=before,
            after=after,
            address=self.address,
        )


SYSTEM = Author("system")
