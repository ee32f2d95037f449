"""Log-mel to picture and back."""

from auffusion.image.codec import MelImageCodec as MelImageCodec
from auffusion.image.colour import colourise as colourise
from auffusion.image.colour import to_pil as to_pil
from auffusion.image.figure import Mark as Mark
from auffusion.image.figure import Panel as Panel
from auffusion.image.figure import spectrogram_figure as spectrogram_figure
from auffusion.image.figure import stacked_figure as stacked_figure
from auffusion.image.scale import ClipMinMax8Bit as ClipMinMax8Bit
from auffusion.image.scale import DatasetStandardisation as DatasetStandardisation
from auffusion.image.scale import FixedLogRange as FixedLogRange
from auffusion.image.scale import MelScale as MelScale
from auffusion.image.scale import RoundTripLoss as RoundTripLoss
