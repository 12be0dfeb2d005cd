"""Measurements: what is taken from a model on seeds, and what it amounts to."""
