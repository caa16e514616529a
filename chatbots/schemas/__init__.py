"""What the chatbots' routes take and answer."""
