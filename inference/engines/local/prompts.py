"""From a request to prompt tokens: chat templates, plain text, or ids as they are.

Whatever users write is encoded as plain text: a special token inside it is only its characters.
"""

import json
import re
import threading
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import mark_control_tokens

from inference.engines.base import ContextTooLong, GenerationRequest, InvalidGeneration
from inference.engines.local import fill_in
from inference.engines.local.tool_formats import ToolFormat, rendered_chat, rendered_tools


class PromptEncoder:
    """Called from worker threads; a tokenizer is no more than one thread's at a time."""

    def __init__(
        self,
        folder: Path,
        vocabulary: int,
        context: int,
        longest_token: int,
        tools: ToolFormat | None = None,
    ) -> None:
        self._folder = folder
        self._tools = tools
        self._vocabulary = vocabulary
        self._context = context
        self._most_bytes = context * longest_token
        self._own = threading.local()

    def encode(self, request: GenerationRequest) -> list[int]:
        """Raises InvalidGeneration; ContextTooLong when no token of output would fit."""
        tokens = self._tokens(request)
        if not tokens:
            raise InvalidGeneration("The prompt is empty.", "prompt")
        if len(tokens) >= self._context:
            raise ContextTooLong(
                f"The prompt has {len(tokens)} tokens; this model's context window of "
                f"{self._context} leaves no room for an answer. Shorten it.",
                "prompt" if request.prompt is not None else "messages",
            )
        return tokens

    def conversation(self, request: GenerationRequest) -> list[int]:
        """The whole chat as the template writes it, with nothing begun after it: to learn from.

        Raises InvalidGeneration.
        """
        return self._chat(request, goes_on=False)

    def _tokens(self, request: GenerationRequest) -> list[int]:
        if request.prompt is None:
            return self._chat(request)
        if isinstance(request.prompt, str):
            if request.suffix is not None:
                self._refuse_endless(request.prompt + request.suffix, "prompt")
                return fill_in.tokens(self._tokenizer, request.prompt, request.suffix)
            return self._text(request.prompt)
        if any(not 0 <= token < self._vocabulary for token in request.prompt):
            raise InvalidGeneration(
                f"Token ids of this model are 0 to {self._vocabulary - 1}.", "prompt"
            )
        return list(request.prompt)

    def _text(self, text: str) -> list[int]:
        self._refuse_endless(text, "prompt")
        return list(self._tokenizer.encode(text, split_special_tokens=True))

    def _chat(self, request: GenerationRequest, *, goes_on: bool = True) -> list[int]:
        tokenizer = self._tokenizer
        if not tokenizer.chat_template:
            raise InvalidGeneration(
                "This model has no chat template. Send a prompt to /v1/completions.", "messages"
            )
        try:
            tools = rendered_tools(request, self._tools)
            chat = rendered_chat(request.messages, self._tools)
            self._refuse_endless(json.dumps([chat, tools], ensure_ascii=False), "messages")
            specials = re.compile("|".join(map(re.escape, _specials(tokenizer))) or "(?!)")
            tokens = tokenizer.apply_chat_template(
                _plain_keys(chat, specials),
                tools=_plain_keys(tools, specials),
                add_generation_prompt=goes_on,
                sanitize_control_tokens=True,
                return_dict=False,
            )
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            # Templates refuse by raising, for example roles that do not alternate.
            message = f"The model's chat template refuses these messages: {error}"
            raise InvalidGeneration(message, "messages") from error
        except RecursionError as error:
            raise InvalidGeneration("These messages are nested too deeply.", "messages") from error
        return list(tokens)

    def _refuse_endless(self, text: str, param: str) -> None:
        """No tokenising of what is too long even if every token were the longest one."""
        if len(text) > self._most_bytes:
            raise ContextTooLong(
                f"The prompt of {len(text)} characters is far beyond this model's context window "
                f"of {self._context} tokens. Shorten it.",
                param,
            )

    @property
    def _tokenizer(self) -> PreTrainedTokenizerFast:
        if not hasattr(self._own, "tokenizer"):
            self._own.tokenizer = load_tokenizer(self._folder)
        tokenizer: PreTrainedTokenizerFast = self._own.tokenizer
        return tokenizer


def _specials(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    added = tokenizer.added_tokens_decoder.values()
    return [token.content for token in added if not token.content.isspace()]


def _plain_keys(value: Any, specials: re.Pattern[str]) -> Any:
    """transformers makes special tokens plain text in values alone; schemas have them as keys."""
    if isinstance(value, dict):
        return {
            mark_control_tokens(key, specials): _plain_keys(each, specials)
            for key, each in value.items()
        }
    return [_plain_keys(each, specials) for each in value] if isinstance(value, list) else value


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    tokenizer = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True, use_fast=True
    )
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise TypeError(f"{folder} has no tokenizer.json.")
    return tokenizer
