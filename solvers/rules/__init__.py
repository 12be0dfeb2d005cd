"""Rules: what goes from one level to the next."""
