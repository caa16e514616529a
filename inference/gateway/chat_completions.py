"""Chat completions on the wire: a chunk with the role first, then content, then the finish."""

from collections.abc import Sequence
from typing import Any

from inference.engines.base import TokenLogprob
from inference.gateway.wire import Wire, logprob
from inference.runs import ChoiceAnswer

ROLE = '"delta":{"role":"assistant","content":""}'


class ChatWire(Wire):
    CAPABILITY = "chat"
    ID_PREFIX = "chatcmpl"
    OBJECT = "chat.completion"
    CHUNK_OBJECT = "chat.completion.chunk"
    BEFORE = '"delta":{"content":'
    AFTER = "}"
    NO_TEXT = '"delta":{}'

    def opening(self) -> str:
        return "".join(
            f'{self._head}{{"index":{i},{ROLE},"logprobs":null,"finish_reason":null}}{self._tail}'
            for i in range(self.choices)
        )

    def logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> Any:
        del index
        content = [
            {**_token(token), "top_logprobs": [_token(other) for other in token.top]}
            for token in tokens
        ]
        return {"content": content, "refusal": None}

    def choice(self, index: int, answer: ChoiceAnswer) -> dict[str, Any]:
        return {
            "index": index,
            "message": {"role": "assistant", "content": answer.text, "refusal": None},
            "logprobs": self.logprobs(index, answer.logprobs) if self.with_logprobs else None,
            "finish_reason": answer.finish_reason,
        }

    def text_of(self, choice: dict[str, Any]) -> str:
        return str(choice["message"]["content"])


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": logprob(token), "bytes": list(token.raw)}
