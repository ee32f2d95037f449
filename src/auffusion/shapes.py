"""What flows through the chain, by name.

`B` items in a batch, `T` samples at 16 kHz, `F` mel frames (one per 160 samples), 256 mel bands.
Images lie in [0, 1] with the highest band in row 0; latents are scaled by the VAE's factor.
"""

from jaxtyping import Float
from torch import Tensor

Waveform = Float[Tensor, "batch time"]
LogMel = Float[Tensor, "batch mel frame"]
SpecImage = Float[Tensor, "batch 3 mel frame"]
Latent = Float[Tensor, "batch channel height width"]
TextEmbedding = Float[Tensor, "batch token feature"]
