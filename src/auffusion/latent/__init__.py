"""Picture to latent and back, through the variational autoencoder."""

from auffusion.latent.codec import LatentCodec as LatentCodec
from auffusion.latent.patch_autoencoder import PatchAutoencoder as PatchAutoencoder
from auffusion.latent.patch_autoencoder import PatchAutoencoderConfig as PatchAutoencoderConfig
from auffusion.latent.windows import average_windows as average_windows
from auffusion.latent.windows import window_starts as window_starts
from auffusion.latent.windows import window_weights as window_weights
