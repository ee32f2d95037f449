"""Log-mel to picture and back."""

from auffusion.image.codec import MelImageCodec as MelImageCodec
from auffusion.image.scale import FixedLogRange as FixedLogRange
from auffusion.image.scale import MelScale as MelScale
