"""Stored chat completions (`store: true`): kept at the end of their Run, then read and labelled."""
