"""A model's VAE or vocoder alone, where a run needs no more of the model than that."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auffusion.image import MelImageCodec
from auffusion.latent import LatentCodec
from auffusion.mel import MelConfig
from auffusion.pipeline.hub import model_folder
from auffusion.pipeline.parts import load_vocoder
from auffusion.pipeline.reading import read_object
from auffusion.pipeline.saved import CLASS, INDEX, load_autoencoder
from auffusion.shapes import LogMel


@dataclass(frozen=True, kw_only=True)
class LoadedVae:
    """A VAE with what its pictures are."""

    vae: Any
    """A diffusers `AutoencoderKL`, or another with its interface."""
    image: MelImageCodec
    """Log-mel to picture."""
    mel: MelConfig | None
    """The front-end, where its model says it; published ones do not."""

    def decoded(self, log_mel: LogMel) -> LogMel:
        """What is left of a log-mel behind the VAE."""
        codec = LatentCodec(self.vae)
        picture = self.image.encode(log_mel)
        return self.image.decode(codec.decode(codec.encode(picture))).to(log_mel)


def load_starting_vae(name: str) -> LoadedVae:
    """The VAE of a model, or one in a folder of its own.

    Args:
        name: a model's folder, a VAE's folder, a hub id or "embedded".

    Raises:
        InputError: there is none, or it is damaged.
    """
    folder = model_folder(name)
    index = read_object(folder / INDEX) if (folder / INDEX).is_file() else {}
    ours = index if index.get("_class_name") == CLASS else {}
    scale = ours.get("image_scale")
    return LoadedVae(
        vae=load_autoencoder(_own_folder(folder, "vae")),
        image=MelImageCodec.from_config(scale) if scale else MelImageCodec(),
        mel=MelConfig(**ours["mel"]) if "mel" in ours else None,
    )


def load_starting_vocoder(name: str) -> Any:  # noqa: ANN401
    """The vocoder of a model, or one in a folder of its own, ours or as published.

    Args:
        name: a model's folder, a vocoder's folder, a hub id or "embedded".

    Raises:
        InputError: there is none, or it is damaged.
    """
    return load_vocoder(_own_folder(model_folder(name), "vocoder"))


def _own_folder(folder: Path, part: str) -> Path:
    return folder / part if (folder / part).is_dir() else folder
