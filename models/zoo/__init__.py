"""The models that ship, by name."""
