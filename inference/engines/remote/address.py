"""A catalog row's address of a remote engine: its replicas, and how they are spoken to."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

MOST_REPLICAS: Final = 64
SCHEMES: Final = ("http://", "https://")
EXAMPLE: Final = "VLLM_KEY"
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_CHOICES: Final = {"usage": ("each", "pieces"), "count": ("tokenize",)}


class BadRemote(Exception):
    """The address cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class RemoteAddress:
    """`http://a:8000/v1 http://b:8000/v1 model=NAME key_env=VARIABLE usage=each count=tokenize`.

    `model` is what the servers call it (None: as the catalog does), `key_env` the environment
    variable with their key, `usage_each` asks for usage with every piece (vLLM, SGLang),
    `usage_by_pieces` does without any where it is not told (llama-cpp-python), `tokenize` lets them
    count prompts before they are paid for (vLLM's POST /tokenize).
    """

    urls: tuple[str, ...]
    model: str | None = None
    key_env: str | None = None
    usage_each: bool = False
    usage_by_pieces: bool = False
    tokenize: bool = False

    @classmethod
    def read(cls, text: str) -> "RemoteAddress":
        """Raises BadRemote."""
        words = text.split()
        urls = tuple(_url(word) for word in words if word.startswith(SCHEMES))
        options = _options([word for word in words if not word.startswith(SCHEMES)])
        if not 0 < len(urls) <= MOST_REPLICAS:
            raise BadRemote(f"Name 1 to {MOST_REPLICAS} servers, as http://HOST:PORT/v1.")
        if len(set(urls)) < len(urls):
            raise BadRemote("A server is named twice.")
        return cls(
            urls,
            model=options.get("model"),
            key_env=options.get("key_env"),
            usage_each=options.get("usage") == "each",
            usage_by_pieces=options.get("usage") == "pieces",
            tokenize="count" in options,
        )

    def __str__(self) -> str:
        words = [*self.urls]
        words += [f"model={self.model}"] if self.model else []
        words += [f"key_env={self.key_env}"] if self.key_env else []
        words += ["usage=each"] if self.usage_each else []
        words += ["usage=pieces"] if self.usage_by_pieces else []
        words += ["count=tokenize"] if self.tokenize else []
        return " ".join(words)


def _url(word: str) -> str:
    try:
        parts = urlsplit(word)
        port = parts.port
    except ValueError as error:
        raise BadRemote(f"{word} is no address: {error}.") from error
    if not parts.hostname or port == 0 or parts.query or parts.fragment:
        raise BadRemote(f"{word} is no address: write http://HOST:PORT/v1.")
    if parts.username or parts.password:
        raise BadRemote("A key does not belong into an address: name its variable by key_env.")
    return word.rstrip("/")


def _options(words: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if not value or name in options or name not in {"model", "key_env", *_CHOICES}:
            raise BadRemote(f"{word} is no option of a remote engine.")
        if value not in _CHOICES.get(name, (value,)):
            raise BadRemote(f"{name} can only be {' or '.join(_CHOICES[name])}.")
        if name == "key_env" and not _VARIABLE.fullmatch(value):
            raise BadRemote(f"key_env is the name of an environment variable, such as {EXAMPLE}.")
        options[name] = value
    return options
