"""Log-mel to waveform."""

from auffusion.vocoder.base import Vocoder as Vocoder
from auffusion.vocoder.discriminators import DiscriminatorConfig as DiscriminatorConfig
from auffusion.vocoder.discriminators import Discriminators as Discriminators
from auffusion.vocoder.fourier import FourierVocoder as FourierVocoder
from auffusion.vocoder.fourier import FourierVocoderConfig as FourierVocoderConfig
from auffusion.vocoder.griffin_lim import GriffinLim as GriffinLim
from auffusion.vocoder.griffin_lim import GriffinLimConfig as GriffinLimConfig
from auffusion.vocoder.hifigan import HifiGan as HifiGan
from auffusion.vocoder.hifigan_config import HifiGanConfig as HifiGanConfig
from auffusion.vocoder.losses import MultiResolutionStft as MultiResolutionStft
from auffusion.vocoder.weights import add_weight_norm as add_weight_norm
from auffusion.vocoder.weights import fold_weight_norm as fold_weight_norm
