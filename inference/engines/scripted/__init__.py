"""A deterministic engine for tests, demos and benchmarks: a token a word, steered by the prompt.

It answers with the words of the last user message (or of the text prompt). Words that begin with
`#` steer it and are left out of the echo; they count as prompt tokens like any word:

    #words=64        answer with 64 numbered words (`w1 w2 … w64`)
    #fill            answer as long as max_tokens allows (finish reason `length`, so charge = hold)
    #unicode         answer with words of several bytes a character
    #call=NAME       call this tool; several of them are parallel calls
    #pace=20         wait 20 ms before each token; without it the answer comes in batches of 256
    #fail=3          break down (GenerationFailed) after 3 tokens a choice; 0 = before the first
    #vanish=3        the engine goes away (EngineUnavailable) after 3 tokens a choice
    #overload        the queue is full (EngineOverloaded) before the first token
    #reject=FIELD    `prepare` refuses the request and names FIELD
    #cached=5        report 5 prompt tokens as served from the prefix cache

With tools it calls one where it must (`required`, a named one), and where the last user message is
a question that no tool has answered yet; once one has, the answer quotes it. Arguments, and answers
with a response format, are small instances of the schema, filled from the prompt's numbers, quoted
words and names. An echoed prompt comes first.

Texts that are only read have a token a word; those that share words get vectors that are near.
`#overload` and `#fail` in them are obeyed. It classifies as `harassment`, `violence` or `spam` what
says that word.

Every choice gets the same answer. Sampling is ignored, except for `stop`, `n` and `logprobs`.
"""

from inference.engines.scripted.engine import ScriptedEngine

__all__ = ["ScriptedEngine"]
