"""Every rule that is checked; importing this registers them all."""
