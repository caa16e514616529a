"""The process that trains one adapter: `python -m inference.fine_tuning.trainer FOLDER`.

It reads `spec.json` in its folder, says how far it is as JSON lines on its standard output, obeys
words on its standard input, and ends when that is closed: it never outlives its worker.
"""
