"""Features, distances between distributions, and their error bars."""
