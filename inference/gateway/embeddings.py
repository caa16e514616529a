"""POST /v1/embeddings: a vector for each input, in their order."""

import base64
import sys
from array import array
from collections.abc import Callable
from functools import partial
from typing import cast

from inference.embedding import CAPABILITY
from inference.engines.base import Embedded
from inference.gateway.admission import Admitted, model_for
from inference.gateway.reading import ReadingEndpoint, order_of, usage, with_items
from inference.gateway.wire import to_json
from inference.reading import Order, Reading
from inference.schemas.embeddings import EmbeddingRequest


class Embeddings(ReadingEndpoint):
    schema = EmbeddingRequest

    async def begin(
        self, asked: EmbeddingRequest, admitted: Admitted
    ) -> tuple[Order, Callable[[Reading], bytes]]:
        entry = await model_for(asked.model, admitted.caller, CAPABILITY)
        order = order_of(admitted, entry, texts=asked.texts, dimensions=asked.dimensions)
        written = as_base64 if asked.encoding_format == "base64" else as_floats
        return order, partial(_body, entry.requested, written)


def _body(model: str, written: "Callable[[array[float]], str]", done: Reading) -> bytes:
    vectors = cast("Embedded", done.result).vectors
    head = {"object": "list", "model": model, "usage": usage(done)}
    items = [
        f'{{"object":"embedding","index":{index},"embedding":{written(vector)}}}'
        for index, vector in enumerate(vectors)
    ]
    return with_items(head, "data", items)


def as_floats(vector: "array[float]") -> str:
    return to_json(vector.tolist())


def as_base64(vector: "array[float]") -> str:
    """Little-endian 32-bit floats, whatever this machine's order is."""
    if sys.byteorder == "big":
        vector = vector[:]
        vector.byteswap()
    return f'"{base64.b64encode(vector.tobytes()).decode()}"'
