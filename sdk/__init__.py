"""Makes sdk.tests and tests two packages for pytest; what ships is under src/."""
