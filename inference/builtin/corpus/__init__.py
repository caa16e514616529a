"""Seeded generator of the conversations that the built-in model learns from."""
