"""Doing the work of a plan: resumable, observed, recorded."""
