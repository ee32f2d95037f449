"""Style transfer: a recording begins the walk in the place of noise (paper App. E.2)."""

from collections.abc import Sequence

import torch

from auffusion.denoise import StepHook
from auffusion.edit.start import check_strength, start_from
from auffusion.errors import InputError
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.conditioning import Wording
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.randomness import choose_randomness
from auffusion.pipeline.recording import Sound, as_recording
from auffusion.pipeline.rendering import OutputType, check_output_type
from auffusion.shapes import Latent


@torch.no_grad()
def restyle(
    model: AssembledModel,
    audio: Sound,
    sample_rate: int,
    prompt: str,
    *,
    strength: float | Sequence[float] = 0.5,
    negative_prompt: str | None = None,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    seed: int = 0,
    output_type: OutputType = "np",
    on_step: StepHook | None = None,
) -> AuffusionOutput:
    """A recording as the prompt would have it (SDEdit, arXiv 2108.01073; paper App. E.2).

    The recording's latent is noised up to a step of the walk, and the walk goes on from there
    under the prompt. A little noise leaves rhythm and pitch and changes the colour; much leaves
    the outline only. The result is a sound of the model, at its rate, in one channel, as long as
    the recording and as loud (of the same root mean square, or less where peaks would be clipped).

    Args:
        model: the pipeline.
        audio: samples in [-1, 1], one channel or several, of 0.5 s to 10 minutes.
        sample_rate: their rate in Hz.
        prompt: what it is to become.
        strength: 0 (the recording after the way into the model and back) to 1 (under as much
            noise as the model knows); one, or several for an item each. The paper's n is this
            number: "when n = 1, the added noise is at its maximum", its examples go up to 0.7, and
            of N steps the last int(N n) are made. A strength gives the same samples alone as among
            others.
        negative_prompt: what it is not to become.
        num_inference_steps: N; None is the model's default.
        guidance_scale: diffusers' s (the paper's w + 1); no guidance at 1 or below. None is the
            model's default.
        seed: decides the noise, which is the same for all strengths.
        output_type: as in `AuffusionPipeline`.
        on_step: called after each step of each strength, one strength after the other.

    Raises:
        InputError: a strength out of range, or a recording or number that the model cannot take.
    """
    check_output_type(output_type)
    chain = Chain(model)
    sampling = chain.sampling(num_inference_steps, guidance_scale)
    strengths = [strength] if isinstance(strength, float | int) else list(strength)
    if not strengths:
        raise InputError("there is no strength in the list: give at least one, 0 to 1")
    for one in strengths:
        check_strength(one)
    recording = as_recording(audio, sample_rate, chain)
    wording = Wording(prompt=prompt, negative_prompt=negative_prompt)
    conditioning = chain.condition(wording, guided=sampling.guided)

    def restyled(one: float) -> Latent:
        # A generator of its own: what one strength draws, the next must not miss.
        randomness = choose_randomness(1, seeds=[seed])
        latent = recording.latent(chain, randomness.generators[0])
        noise = chain.noise(randomness, recording.samples)
        walk = chain.walk(sampling, randomness)
        start = start_from(latent, one, noise=noise, walk=walk, steps=sampling.steps)
        guidance = chain.guidance(conditioning, sampling)
        return chain.denoise(guidance, start.walk, start.latent, on_step)

    output = chain.render(
        torch.cat([restyled(one) for one in strengths]),
        recording.samples,
        output_type,
        seeds=(seed,) * len(strengths),
        truncated=conditioning.truncated * len(strengths),
    )
    return recording.made_as_loud(output)
