"""A model at work: settings go in, sounds that say how they were made come out."""
