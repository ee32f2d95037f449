"""Tiny checkpoints of rival systems, written in exactly the layout of the published ones.

Each `write_…` builds the real classes at tiny size with random weights, writes them into an empty
folder under the published names, and gives back what was written, to compare with what is read.
"""

from tiny_rivals.audiogen import write_audiogen
from tiny_rivals.audioldm import write_audioldm
from tiny_rivals.audioldm2 import write_audioldm2
from tiny_rivals.riffusion import write_retrained_riffusion, write_riffusion
from tiny_rivals.tango import write_tango
from tiny_rivals.tangoflux import write_tangoflux

WRITERS = {
    "riffusion": write_riffusion,
    "riffusion-retrained": write_retrained_riffusion,
    "audiogen-v2-medium": write_audiogen,
    "audioldm-s-full-v2": write_audioldm,
    "audioldm-l-full": lambda folder: write_audioldm(folder, pickled=True),
    "audioldm2": write_audioldm2,
    "audioldm2-large": write_audioldm2,
    "tango": write_tango,
    "tango-full": write_tango,
    "tangoflux": write_tangoflux,
}

__all__ = [
    "WRITERS",
    "write_audiogen",
    "write_audioldm",
    "write_audioldm2",
    "write_retrained_riffusion",
    "write_riffusion",
    "write_tango",
    "write_tangoflux",
]
