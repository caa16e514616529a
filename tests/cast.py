"""Who plays in the tests: always the same three people."""

from dataclasses import dataclass

from accounts.models import Organisation, User


@dataclass(frozen=True)
class Person:
    """Somebody with an account, an organisation, and a secret key (`key`, in plain text)."""

    user: User
    organisation: Organisation
    key: str
