"""The chatbots' generating route on the wire."""
