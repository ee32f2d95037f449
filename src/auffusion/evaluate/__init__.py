"""Waveforms to numbers: the metrics, what they are measured with, and how sure they are."""
