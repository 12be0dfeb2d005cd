"""The samplers of nine released programs, on the project's own loop: every output, σ and draw.

What holds does by the package's parts and the case's numbers. 137 of the cases that hold are of
programs that draw noise and throw it away, before ours or after (``Setup.unused``): into σ = 0, or
where η = 0. We do not draw there, so that later draws of a seed are of use.
"""
