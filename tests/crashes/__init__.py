"""Every state that a crash can leave a run in: recorded, replayed, judged."""
