"""Opaque, prefixed identifiers: what a thing is stands in front, 128 random bits behind."""

import secrets


def new(prefix: str) -> str:
    """`new("org")` → `org_9f86d081884c7d659a2feaa0c55ad015` (prefix, underscore, 32 hex digits)."""
    return f"{prefix}_{secrets.token_hex(16)}"
