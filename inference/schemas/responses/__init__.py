"""What Responses accept and answer: the request, its items, its tools, the response object."""

from inference.schemas.refusals import parse
from inference.schemas.responses.items import InputItem, item_id, new_item_id, stored
from inference.schemas.responses.request import ResponseRequest

__all__ = ["InputItem", "ResponseRequest", "item_id", "new_item_id", "parse_request", "stored"]


def parse_request(body: object) -> ResponseRequest:
    """Raises InvalidRequest, which names the first parameter that is wrong."""
    return parse(ResponseRequest, body)
