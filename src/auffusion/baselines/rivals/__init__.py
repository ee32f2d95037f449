"""One file a rival system, none of which knows another."""
