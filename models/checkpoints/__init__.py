"""Readers of other people's checkpoints, one file per format."""
