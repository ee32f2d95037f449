"""That a pipeline's parts belong together, and that the numbers of a call make sense."""

import math
from typing import Any, get_args

from auffusion.errors import InputError
from auffusion.text.encoder import Convention


def check_agreement(pipeline: Any) -> None:  # noqa: ANN401 - the pipeline imports this file
    """Raise `InputError` unless the networks and settings of a pipeline fit each other.

    Parts of different models run without an error and give noise; better to say so at once.
    """
    _check_settings(pipeline)
    _check_channels(pipeline)
    _check_front_end(pipeline)
    _check_text(pipeline)


def check_numbers(
    *,
    steps: int,
    guidance_scale: float,
    guidance_rescale: float,
    num_waveforms_per_prompt: int,
    eta: float,
) -> None:
    """Raise `InputError` for a number of a call that is out of range."""
    if isinstance(steps, bool) or not isinstance(steps, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"num_inference_steps {steps!r} must be a whole number")
    if not math.isfinite(guidance_scale):
        raise InputError(f"guidance_scale {guidance_scale} must be a finite number")
    for name, number in (("guidance_rescale", guidance_rescale), ("eta", eta)):
        if not 0.0 <= number <= 1.0:
            raise InputError(f"{name} {number} is out of range: choose 0 to 1")
    if num_waveforms_per_prompt < 1:
        raise InputError(f"num_waveforms_per_prompt {num_waveforms_per_prompt} must be at least 1")


def _check_settings(pipeline: Any) -> None:  # noqa: ANN401
    config = pipeline.config
    if config.text_convention not in get_args(Convention):
        raise InputError(
            f"text_convention {config.text_convention!r} is unknown: expected one of "
            f"{', '.join(get_args(Convention))}"
        )
    try:
        _ = pipeline.mel, pipeline.image_codec, pipeline.canvas  # each checks itself
    except TypeError as error:
        raise InputError(f"the model's settings make no sense: {error}") from error


def _check_channels(pipeline: Any) -> None:  # noqa: ANN401
    latent = pipeline.vae.config.latent_channels
    unet = pipeline.unet.config
    if not latent == unet.in_channels == unet.out_channels:
        raise InputError(
            f"the VAE's latents have {latent} channels, the U-Net takes {unet.in_channels} and "
            f"gives {unet.out_channels}: they are not of one text-to-sound model"
        )


def _check_front_end(pipeline: Any) -> None:  # noqa: ANN401
    mel, vocoder = pipeline.mel, pipeline.vocoder
    if (vocoder.bands, vocoder.hop_length) != (mel.bands, mel.hop_length):
        raise InputError(
            f"the vocoder takes {vocoder.bands} bands and gives {vocoder.hop_length} samples a "
            f"frame, the model has {mel.bands} and {mel.hop_length}: they do not belong together"
        )


def _check_text(pipeline: Any) -> None:  # noqa: ANN401
    wanted = pipeline.unet.config.cross_attention_dim
    for branch in pipeline.text.branches:
        encoder, adapter = branch.encoder.config.hidden_size, branch.adapter
        given = encoder if adapter is None else adapter.config.cross_attention_dim
        if adapter is not None and adapter.config.condition_dim != encoder:
            raise InputError(
                f"the text encoder gives {encoder} features and its adapter takes "
                f"{adapter.config.condition_dim}: they do not belong together"
            )
        if given != wanted:
            raise InputError(
                f"the text stage gives {given} features and the U-Net attends to {wanted}: "
                "they do not belong together"
            )
