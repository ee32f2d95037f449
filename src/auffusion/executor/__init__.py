"""Many independent pieces of work, on the cores of one machine or on many machines."""
