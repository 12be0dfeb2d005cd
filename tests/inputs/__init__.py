"""Inputs that something happened to: grids, statistics, checkpoints, downloads."""
