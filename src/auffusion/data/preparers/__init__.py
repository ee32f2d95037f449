"""One file a data set: from what its publishers ship to clips and a manifest."""
