"""What the generating endpoints accept: a strict schema per endpoint and its way to the engine."""
