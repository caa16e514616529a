"""Chatbots: configured, published in versions, asked through every door, paid like any call."""
