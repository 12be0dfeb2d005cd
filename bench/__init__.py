"""Grid → cells → run → records, and the command line."""
