"""`auffusion edit`: what is there, changed by words. One file a command."""
