"""What the routes of vector stores take: OpenAI's shapes, with this server's limits."""

from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from inference.schemas.fields import ShortText, Strict, at_most, refuse
from knowledge.filters import Filter
from knowledge.models import LARGEST_CHUNK, LARGEST_OVERLAP
from knowledge.ranking import Weights

MOST_QUERIES: Final = 10
MOST_IN_A_BATCH: Final = 2000
MOST_AT_CREATION: Final = 500
MOST_RESULTS: Final = 50

Label = Annotated[str, StringConstraints(max_length=64)]
Metadata = Annotated[dict[Label, ShortText], at_most(16)]
Attributes = Annotated[dict[Label, ShortText | bool | float], at_most(16)]
FileID = Annotated[str, StringConstraints(min_length=1, max_length=64)]
LONGEST_QUERY: Final = 4096
Query = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUERY)]


_QUERY: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST_QUERY}
_SOME: Final = {"minItems": 1, "maxItems": MOST_QUERIES}


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class StoreExpiry(Strict):
    anchor: Literal["last_active_at"]
    days: Annotated[int, Field(ge=1, le=365)]


class StaticSizes(Strict):
    max_chunk_size_tokens: Annotated[int, Field(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _half_at_most(self) -> Self:
        if self.chunk_overlap_tokens * 2 > self.max_chunk_size_tokens:
            raise refuse("chunk_overlap_tokens", "it is at most half of max_chunk_size_tokens")
        return self


AUTO: Final = StaticSizes(max_chunk_size_tokens=LARGEST_CHUNK, chunk_overlap_tokens=LARGEST_OVERLAP)


class Chunking(Strict):
    """`auto`: chunks of 800 tokens, of which 400 are the one's before."""

    type: Literal["auto", "static"]
    static: StaticSizes | None = None

    @model_validator(mode="after")
    def _static_has_sizes(self) -> Self:
        if self.type == "static" and self.static is None:
            raise refuse("static", "the strategy 'static' needs it")
        if self.type == "auto" and self.static is not None:
            raise refuse("static", "the strategy 'auto' has its own sizes; choose 'static'")
        return self

    @property
    def sizes(self) -> StaticSizes:
        return self.static or AUTO


class StoreCreate(Strict):
    name: Annotated[str, StringConstraints(max_length=256)] | None = None
    description: ShortText | None = None
    file_ids: Annotated[list[FileID], Field(max_length=MOST_AT_CREATION)] | None = None
    chunking_strategy: Chunking | None = None
    expires_after: StoreExpiry | None = None
    metadata: Metadata | None = None


class StoreUpdate(Strict):
    """What is left out stays."""

    name: Annotated[str, StringConstraints(max_length=256)] | None = None
    expires_after: StoreExpiry | None = Field(None, description="null: it never expires.")
    metadata: Metadata | None = None


class FileAdd(Strict):
    file_id: FileID
    attributes: Attributes | None = None
    chunking_strategy: Chunking | None = None


class FileUpdate(Strict):
    attributes: Attributes | None


class FileBatchCreate(Strict):
    """Either `file_ids`, all with the same attributes, or `files`, each with its own."""

    file_ids: Annotated[list[FileID], Field(min_length=1, max_length=MOST_IN_A_BATCH)] | None = None
    files: Annotated[list[FileAdd], Field(min_length=1, max_length=MOST_IN_A_BATCH)] | None = None
    attributes: Attributes | None = None
    chunking_strategy: Chunking | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.file_ids is None) == (self.files is None):
            raise refuse("file_ids", "give either 'file_ids' or 'files'")
        return self

    def each(self) -> list[FileAdd]:
        if self.files is not None:
            return self.files
        return [
            FileAdd(
                file_id=file_id,
                attributes=self.attributes,
                chunking_strategy=self.chunking_strategy,
            )
            for file_id in self.file_ids or ()
        ]


class HybridWeights(Strict):
    """How much the two rankings count in their fusion; 0 leaves one out."""

    embedding_weight: Annotated[float, Field(ge=0, le=1000)]
    text_weight: Annotated[float, Field(ge=0, le=1000)]

    @model_validator(mode="after")
    def _one_counts(self) -> Self:
        if not self.embedding_weight + self.text_weight:
            raise refuse("embedding_weight", "it or text_weight is more than 0")
        return self


class RankingOptions(Strict):
    ranker: Literal["none", "auto", "default-2024-11-15", "default_2024_08_21"] | None = Field(
        None, description="Accepted; there is one ranking."
    )
    score_threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    hybrid_search: HybridWeights | None = Field(
        None, description="Both count the same if it is left out."
    )


class SearchAsk(Strict):
    query: Annotated[
        list[Query],
        Field(min_length=1, max_length=MOST_QUERIES),
        BeforeValidator(_as_list),
        WithJsonSchema({"anyOf": [_QUERY, {"type": "array", "items": _QUERY, **_SOME}]}),
    ] = Field(description="One question, or several: a chunk counts by the one it answers best.")
    filters: Filter | None = None
    max_num_results: Annotated[int, Field(ge=1, le=MOST_RESULTS)] | None = None
    ranking_options: RankingOptions | None = None
    rewrite_query: bool | None = Field(None, description="Accepted; questions stay as they are.")

    @property
    def least_score(self) -> float:
        return (self.ranking_options and self.ranking_options.score_threshold) or 0

    @property
    def weights(self) -> Weights:
        asked = self.ranking_options and self.ranking_options.hybrid_search
        return Weights(asked.text_weight, asked.embedding_weight) if asked else Weights()
