"""Loops that make weights, read top to bottom."""
