"""The generating routes: a small Starlette application beside Django, for calls that count µs."""
