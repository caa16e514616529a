"""Who speaks with a chatbot, and from where."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from accounts.authentication import Caller


@dataclass(frozen=True, slots=True)
class Speaker:
    """A visitor (`visitor_id`), or a secret key's owner (`caller` is then that key's Caller).

    `claims` are what a signed user token says: the prompt's `{{visitor.…}}`. With `preview` a
    member of the organisation tries the draft and is told what it costs.
    """

    organisation_id: str
    key_id: str
    visitor_id: str | None = None
    address: str | None = None
    origin: str | None = None
    locale: str | None = None
    page: Mapping[str, str] | None = None
    claims: Mapping[str, str] = field(default_factory=dict)
    caller: Caller | None = None
    preview: bool = False

    @property
    def holder(self) -> str:
        """Whose conversations these are."""
        return self.visitor_id or self.key_id

    @property
    def sees_costs(self) -> bool:
        return self.preview or self.visitor_id is None
