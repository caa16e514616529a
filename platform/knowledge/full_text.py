"""Full text search in Postgres: chunks that share words with a question, the rarest words first.

A chunk's score is the share of the question's words that it holds, each weighed by how rare it is
among the chunks searched (BM25's weight) and by how often the chunk says it (`ts_rank`, which
saturates). So it lies between 0 and 1, and one chunk's score does not depend on the others' ranks.

Words are compared as English stems, and as they stand: names, numbers and other languages are found
as well. Words of the question that only tie it together ("where is the …") do not count, unless it
has no others.
"""

from typing import Final

from django.db import connection

from knowledge.scopes import Ranked, Scope

MOST_WORDS: Final = 64  # of a question; the longest ones


_RANK: Final = """
WITH stems AS (
    SELECT lexeme FROM unnest(to_tsvector('english', %(query)s))
), asked AS (
    SELECT lexeme FROM stems
    UNION
    SELECT lexeme FROM unnest(to_tsvector('simple', %(query)s))
     WHERE to_tsvector('english', lexeme) <> '' OR NOT EXISTS (SELECT 1 FROM stems)
), terms AS MATERIALIZED (
    SELECT lexeme, plainto_tsquery('simple', lexeme) AS term
      FROM asked ORDER BY length(lexeme) DESC, lexeme LIMIT %(most_words)s
), scope AS (
    SELECT id, words FROM knowledge_chunk
     WHERE organisation_id = %(organisation)s AND store_id = ANY(%(stores)s)
       AND (%(files)s::bigint[] IS NULL OR store_file_id = ANY(%(files)s))
), candidates AS MATERIALIZED (
    SELECT id, words FROM scope
     WHERE words @@ (SELECT string_agg(term::text, ' | ')::tsquery FROM terms)
), found AS MATERIALIZED (
    SELECT id, lexeme, least(1, ts_rank('{1,1,1,1}', words, term)) AS said
      FROM candidates JOIN terms ON words @@ term
), weights AS (
    SELECT lexeme, ln(1 + ((SELECT count(*) FROM scope) - count(id) + 0.5) / (count(id) + 0.5))
           AS weight
      FROM terms LEFT JOIN found USING (lexeme) GROUP BY lexeme
)
SELECT id, sum(said * weight) / (SELECT sum(weight) FROM weights) AS score
  FROM found JOIN weights USING (lexeme)
 GROUP BY id ORDER BY score DESC, id LIMIT %(limit)s
"""


def rank(scope: Scope, query: str, limit: int) -> list[Ranked]:
    """The best chunks first, at most `limit`; none that shares no word with `query`."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RANK,
            {**scope.values, "query": query, "most_words": MOST_WORDS, "limit": limit},
        )
        return [Ranked(chunk_id, float(score)) for chunk_id, score in cursor.fetchall()]
