"""Images to train on, from files."""
