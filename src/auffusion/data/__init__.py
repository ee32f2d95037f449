"""Clips to training examples."""
