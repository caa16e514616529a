"""Texts that are only read: from tokens to vectors or scores, in pieces between two steps.

`tokens` (a thread of its own) makes texts token ids, `queue` packs them into bounded pieces, fairly
between tenants, and `models` computes a piece; the loop's thread does one after every step.
"""
