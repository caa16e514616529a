"""Batches: a file of requests, answered within a day at half the price, many of them at once.

`creating` writes a Batch down; `working` claims it in the worker, `validating` makes rows of its
lines, `BatchRun` asks the engine for many at once, `finishing` writes the files. All that is known
of a line stands in its row: its answer and its charge are written in the same transaction.
"""
