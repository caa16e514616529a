"""The REST resources of chatbots."""
