"""What is typed: each command, and what it prints."""
