"""Samplers as their authors wrote them, defects included: what EDM's figures compare with."""
