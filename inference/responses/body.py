"""The response object: what was asked, echoed, and what became of it."""

import time
from typing import Any, Final

from api.errors import ApiError, InvalidRequest, RateLimited
from billing.ledger import Usage
from billing.pricing import usd
from inference.runs import Run
from inference.schemas.responses import ResponseRequest
from inference.schemas.responses.items import Item

DONE: Final = frozenset({"completed", "incomplete", "failed", "cancelled"})


def queued(asked: ResponseRequest, response_id: str, model: str) -> Item:
    """The object as it is before there is an answer. All of its keys are always there."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": int(time.time()),
        "completed_at": None,
        "status": "queued" if asked.background else "in_progress",
        "background": bool(asked.background),
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "usage": None,
        "instructions": asked.instructions,
        "previous_response_id": asked.previous_response_id,
        "conversation": asked.conversation and {"id": asked.conversation.id},
        "prompt": None,
        "store": asked.stored,
        "service_tier": "default",
        **_answering(asked),
        **_labels(asked),
    }


def _answering(asked: ResponseRequest) -> Item:
    """How the answer was to be made, with the defaults where nothing was said."""
    sampling = asked.sampling
    return {
        "tools": [tool.echo() for tool in asked.tools or ()],
        "tool_choice": _plain(asked.tool_choice) or "auto",
        "parallel_tool_calls": asked.parallel_tool_calls is not False,
        "max_tool_calls": asked.max_tool_calls,
        "max_output_tokens": asked.max_output_tokens,
        "text": {
            "format": _plain(asked.asked_format),
            "verbosity": (asked.text and asked.text.verbosity) or "medium",
        },
        "reasoning": {"effort": None, "summary": None, **(_plain(asked.reasoning) or {})},
        "truncation": asked.truncation or "disabled",
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_logprobs": sampling.top_logprobs,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
    }


def _labels(asked: ResponseRequest) -> Item:
    return {
        "metadata": asked.metadata or {},
        "user": asked.user,
        "safety_identifier": asked.safety_identifier,
        "prompt_cache_key": asked.prompt_cache_key,
        "prompt_cache_retention": asked.prompt_cache_retention,
    }


def _plain(value: Any) -> Any:
    return (
        value.model_dump(exclude_none=True, by_alias=True)
        if hasattr(value, "model_dump")
        else value
    )


def finished(body: Item, status: str, output: list[Item], run: Run) -> Item:
    """The object as it stays. `run` has settled, so its usage and cost are final."""
    return {
        **body,
        "status": status,
        "completed_at": int(time.time()) if status == "completed" else None,
        "error": error_of(run.failure) if run.failure else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "output": output,
        "usage": usage(run),
    }


def usage(run: Run) -> Item:
    return usage_of(run.usage, run.cost)


def usage_of(used: Usage, cost: int) -> Item:
    return {
        "input_tokens": used.prompt_tokens,
        "input_tokens_details": {"cached_tokens": used.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": used.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": used.prompt_tokens + used.completion_tokens,
        "cost": usd(cost),
    }


def error_of(failure: ApiError) -> Item:
    """Responses' own codes where there is one, ours where they say more (no balance, …)."""
    match failure:
        case RateLimited():
            code = "rate_limit_exceeded"
        case InvalidRequest():
            code = "invalid_prompt"
        case _ if failure.status >= 500:  # noqa: PLR2004 - the server's own failures
            code = "server_error"
        case _:
            code = failure.error_code or "server_error"
    return {"code": code, "message": failure.message}
