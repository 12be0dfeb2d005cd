"""Paths: where a sampler falls, and where noise takes it up again."""
