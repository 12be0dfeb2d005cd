"""The samplers of nine released programs, on the project's own loop: every output, σ and draw."""
