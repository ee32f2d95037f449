"""How well recordings are found back by each method of inversion, with the embedded model.

    python benchmarks/inversion.py [--seconds 1.28] [--steps 25 50]

Real clips of tests/sounds, each under a plain description. Prints a line a method and number of
steps: the error of the latent (root mean square; latents have a deviation of about 1), the mean
difference of the log-mels beyond what encoding alone costs, and the seconds it took. Guidance is
the model's own, or none where it says so. Null-text inversion takes most of the time, minutes on
one core.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from auffusion.audio import read_audio
from auffusion.pipeline import AuffusionPipeline

SOUNDS = Path(__file__).parents[1] / "tests/sounds"
CLIPS = {
    "phone": "a phone ringing",
    "door": "a door closing",
    "guitar": "an acoustic guitar strum",
    "steam": "steam hissing",
}
RATE = 16_000
METHODS = {
    "ddim, not asked again, no guidance": {"method": "ddim", "iterations": 0},
    "ddim, no guidance": {"method": "ddim"},
    "ddim, asked again 3 times, no guidance": {"method": "ddim", "iterations": 3},
    "ddim, guided": {"method": "ddim", "guidance_scale": None},
    "null-text, guided": {"method": "null-text"},
    "ddpm, guided": {"method": "ddpm"},
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.28)
    parser.add_argument("--steps", type=int, nargs="+", default=[25, 50])
    told = parser.parse_args()
    pipeline = AuffusionPipeline.from_pretrained("embedded")
    pipeline.set_progress_bar_config(disable=True)
    guidance = float(pipeline.config.default_guidance)
    for steps in told.steps:
        for name, method in METHODS.items():
            options = dict(method)
            if "guidance_scale" in options:
                options["guidance_scale"] = guidance
            found = []
            began = time.perf_counter()
            for clip, prompt in CLIPS.items():
                audio = read_audio(SOUNDS / f"{clip}.flac", sample_rate=RATE)
                audio = audio[:, : int(told.seconds * RATE)]
                inversion = pipeline.invert(
                    audio, RATE, prompt, num_inference_steps=steps, **options
                )
                found.append(inversion.error)
            seconds = (time.perf_counter() - began) / len(CLIPS)
            latent = np.mean([one.latent for one in found])
            beyond = np.mean([one.log_mel_db - one.codec_db for one in found])
            print(
                f"{steps} steps  {name:40s} latent {latent:.4f}  log-mel {beyond:+.2f} dB  "
                f"{seconds:.1f} s a clip",
                flush=True,
            )


if __name__ == "__main__":
    main()
