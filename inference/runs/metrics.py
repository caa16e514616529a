"""What Runs count for operators."""

from typing import Final

from prometheus_client import Counter, Histogram

from billing.ledger import Usage

TOKENS: Final = Counter("tokens", "Tokens charged.", ["kind"])
FIRST_TOKEN: Final = Histogram(
    "first_token_seconds",
    "From a Run's begin to its first token.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
_PROMPT, _CACHED, _COMPLETION = map(TOKENS.labels, ("prompt", "cached", "completion"))


def count(usage: Usage, first_token_ms: int | None) -> None:
    """A Run has ended. Cached tokens are among the prompt's."""
    _PROMPT.inc(usage.prompt_tokens)
    _CACHED.inc(usage.cached_tokens)
    _COMPLETION.inc(usage.completion_tokens)
    if first_token_ms is not None:
        FIRST_TOKEN.observe(first_token_ms / 1000)
