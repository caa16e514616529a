"""Tests of the built-in model: what it answers, and what it learned from."""
