"""The paper's tables, and one that needs nothing but this package: what is made, measured, printed.

A table is a TOML file here: its lists of captions, its systems, how they are sampled, the protocol,
and the numbers that the paper prints.
"""
