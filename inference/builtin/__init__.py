"""The small model that ships with the platform: its weights, tokenizer and how they are made."""
