"""`AuffusionPipeline.invert`: from a recording to the walk that leads back to it."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auffusion.denoise import Predictor, Scheduler, StepHook, UnetCall, unet_call
from auffusion.edit.ddim_inversion import FixedPoint, LinearWalk, Trail, ddim_walk
from auffusion.edit.ddpm_inversion import DdpmWalk, NoiseMaps, NoiseSearch, noised_path
from auffusion.edit.null_text import NullTextSearch, NullTextSettings
from auffusion.errors import InputError
from auffusion.mel import log_mel_error_db
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.chain import Chain, Sampling
from auffusion.pipeline.conditioning import Conditioning, Wording
from auffusion.pipeline.hooks import hooked
from auffusion.pipeline.inversion import (
    Inversion,
    InversionMethod,
    ReconstructionError,
    check_inversion,
    on_path,
)
from auffusion.pipeline.randomness import choose_randomness
from auffusion.pipeline.recording import Recording, Sound, as_recording
from auffusion.shapes import Latent, TextEmbedding

_STEPS = 50
"""The number of steps of both inversion papers and of prompt-to-prompt."""


@torch.no_grad()
def invert(
    model: AssembledModel,
    audio: Sound,
    sample_rate: int,
    prompt: str,
    *,
    method: InversionMethod = "ddpm",
    negative_prompt: str | None = None,
    num_inference_steps: int = _STEPS,
    guidance_scale: float | None = None,
    strength: float = 1.0,
    iterations: int | None = None,
    seed: int = 0,
    on_step: StepHook | None = None,
) -> Inversion:
    """A walk from noise to a recording, for `swap`, `refine` and `reweight` to start from.

    ========== =================================================== ======================== =======
    method     the walk                                            finds the recording      costs
    ========== =================================================== ======================== =======
    ddim       DDIM's, backwards (arXiv 2010.02502)                nearly, without guidance 3 N
    null-text  DDIM's, with "no text" fitted to it at each step    closely, with guidance   24 N
               (arXiv 2211.09794)
    ddpm       DDPM's, its noise chosen so that it leads back      exactly, with guidance   2 N
               (arXiv 2304.06140)
    ========== =================================================== ======================== =======

    The walk is one of DDIM or DDPM over the model's noise schedule whatever sampler the model is
    set to, and edits that start from it walk it too. The cost counts calls of the network and of
    its gradient for N steps, the measuring of the error included.

    Args:
        model: the pipeline.
        audio: samples in [-1, 1], one channel or several, of 0.5 s to 10 minutes.
        sample_rate: their rate in Hz.
        prompt: what is to be heard in it: the source prompt of the edits.
        method: see above.
        negative_prompt: what guidance moves away from; None is no text.
        num_inference_steps: N, steps of the whole walk.
        guidance_scale: of the edits; None is 1 for ddim, which guidance would lead astray, and the
            model's own else.
        strength: the last part of the walk that is walked, above 0 to 1; the less, the more an edit
            keeps of the recording (the ddpm paper leaves out the first 36 of 100 steps: 0.64).
        iterations: ddim: how often a step asks the network again where it arrives, 1 unless given
            (0 is plain DDIM inversion, whose error is some ten times larger); null-text: steps of
            the search at each timestep, 10 unless given.
        seed: of the noise of ddpm.
        on_step: called after each step of each walk: up (not with ddpm), down to search (not with
            ddim), down to measure.

    Raises:
        InputError: an argument out of range, or a model without a noise schedule to walk.
    """
    chain = Chain(model)
    check_inversion(method, strength, iterations)
    scale = 1.0 if method == "ddim" and guidance_scale is None else guidance_scale
    sampling = chain.sampling(num_inference_steps, scale)
    wording = Wording(prompt=[prompt], negative_prompt=negative_prompt)
    conditioning = chain.condition(wording, guided=sampling.guided)
    if conditioning.factors is not None:
        raise InputError(
            f"the recording is described by {prompt!r}, which has a weight: weights belong to the "
            "prompts of its edits"
        )
    recording = as_recording(audio, sample_rate, chain)
    job = _Job(
        chain=chain,
        sampling=sampling,
        conditioning=conditioning,
        latent=recording.latent(chain),
        walked=max(1, int(sampling.steps * strength)),
        iterations=iterations,
        seed=seed,
        on_step=on_step,
    )
    with _without_weight_gradients(chain.model.unet):
        start, walk, nulls = _METHODS[method](job)
    inversion = Inversion(
        method=method,
        prompt=prompt,
        negative_prompt=negative_prompt,
        sampling=sampling,
        strength=strength,
        seed=seed,
        recording=recording,
        latent=job.latent,
        start=start,
        walk=walk,
        nulls=nulls,
        error=_error(job, recording, start, walk, nulls),
    )
    chain.model.maybe_free_model_hooks()
    return inversion


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What every method works with."""

    chain: Chain
    sampling: Sampling
    conditioning: Conditioning
    latent: Latent
    walked: int
    """Steps of the walk that are walked."""
    iterations: int | None
    seed: int
    on_step: StepHook | None

    @property
    def call(self) -> UnetCall:
        """The network for latents of any width."""
        network = unet_call(self.chain.model.unet)

        def whole(latent: Latent, timestep: Tensor, embedding: TextEmbedding) -> Latent:
            def window(latent: Latent, timestep: Tensor) -> Latent:
                return network(latent, timestep, embedding)

            return self.chain.windowed(window)(latent, timestep)

        return whole

    def unguided(self, latent: Latent, timestep: Tensor) -> Latent:
        """The prediction under the prompt alone."""
        return self.call(latent, timestep, self.conditioning.conditional)

    def guided(self) -> Predictor:
        """The prediction under guidance."""
        return self.chain.windowed(self.chain.guidance(self.conditioning, self.sampling))

    def path(self, iterations: int) -> tuple[Latent, LinearWalk, Trail]:
        """DDIM inversion without guidance: where it leads, the walk back, and how it came there."""
        walk = ddim_walk(self.chain.model.scheduler, self.sampling.steps).last(self.walked)
        upwards = walk.inverted()
        climb = FixedPoint(predict=self.unguided, upwards=upwards, iterations=iterations)
        trail = Trail(self.latent)
        hook = hooked(trail, self.on_step)
        return self.chain.walked(climb, upwards, self.latent, hook), walk, trail


_Nulls = Mapping[int, TextEmbedding] | None
_Found = tuple[Latent, Scheduler, _Nulls]


def _ddim(job: _Job) -> _Found:
    start, walk, _ = job.path(1 if job.iterations is None else job.iterations)
    return start, walk, None


def _null_text(job: _Job) -> _Found:
    unconditional = job.conditioning.unconditional
    if unconditional is None:
        raise InputError(
            f"null-text inversion changes what guidance moves away from, and a scale of "
            f"{job.sampling.scale} is no guidance: choose one above 1, or the method ddim"
        )
    settings = NullTextSettings(iterations=10 if job.iterations is None else job.iterations)
    start, walk, trail = job.path(0)
    search = NullTextSearch(
        job.call,
        job.conditioning.conditional,
        unconditional,
        job.sampling.scale,
        walk,
        trail.before,
        settings,
    )
    job.chain.walked(search, walk, start, job.on_step)
    return start, walk, search.nulls


def _ddpm(job: _Job) -> _Found:
    scheduler = job.chain.model.scheduler
    means = ddim_walk(scheduler, job.sampling.steps, eta=1.0).last(job.walked)
    (generator,) = choose_randomness(1, seeds=[job.seed]).generators
    path = noised_path(scheduler, means.timesteps, job.latent, generator)
    start = path[int(means.timesteps[0])]
    search = NoiseSearch(means, path, job.latent)
    job.chain.walked(job.guided(), DdpmWalk(means, search), start, job.on_step)
    return start, DdpmWalk(means, NoiseMaps(search.maps)), None


_METHODS = {"ddim": _ddim, "null-text": _null_text, "ddpm": _ddpm}


@contextmanager
def _without_weight_gradients(unet: Any) -> Generator[None]:  # noqa: ANN401
    """Gradients reach the embeddings only; the network keeps no activations for its weights."""
    trained = [weight for weight in unet.parameters() if weight.requires_grad]
    for weight in trained:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


def _error(
    job: _Job, recording: Recording, start: Latent, walk: Scheduler, nulls: _Nulls
) -> ReconstructionError:
    chain = job.chain
    predict = on_path(chain.guidance(job.conditioning, job.sampling), nulls)
    found = chain.denoise(predict, walk, start, job.on_step)
    frames = chain.canvas.frames_of(recording.samples)
    wanted = recording.log_mel(chain)[..., :frames]
    renderer = chain.model.renderer

    def decibels(latent: Latent) -> float:
        heard = renderer.image_codec.decode(renderer.latent_codec.decode(latent))
        return log_mel_error_db(wanted, heard[..., :frames])

    return ReconstructionError(
        latent=float((found - job.latent).float().square().mean().sqrt()),
        log_mel_db=decibels(found),
        codec_db=decibels(job.latent),
    )
