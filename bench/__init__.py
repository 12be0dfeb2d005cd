"""Grids, cells, runs, records and the command line."""
