"""One published result a file, end to end: data, training, packing."""
