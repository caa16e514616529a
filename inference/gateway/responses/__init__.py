"""The generating routes of Responses."""
