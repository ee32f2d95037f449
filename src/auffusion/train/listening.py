"""A page of sounds and spectrograms that shows where training stands."""

import html
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from auffusion.audio import write_audio
from auffusion.denoise import make_scheduler
from auffusion.files import write_file
from auffusion.image import spectrogram_figure
from auffusion.pipeline import AuffusionPipeline
from auffusion.shapes import LogMel

PAGE, MEASURED = "index.html", "measured.json"

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;
color-scheme:light dark}}figure{{margin:0 0 2rem}}img{{max-width:100%}}audio{{width:100%}}</style>
<h1>{title}</h1>
"""


@dataclass(frozen=True, kw_only=True)
class Listening:
    """The `[listening]` table: what is played to people while a model trains."""

    prompts: tuple[str, ...] = ("a dog barking", "rain falling", "footsteps on stone")
    """What to hear."""
    seed: int = 0
    """Of the first prompt; the next have seed + 1, …"""
    steps: int = 25
    """Denoising steps."""
    guidance: float = 7.5
    """Guidance scale."""
    scheduler: str = "dpm++"
    """Sampler."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One sound of a page."""

    name: str
    """Of its files."""
    title: str
    """What it is to be."""
    samples: torch.Tensor
    """[time]"""
    log_mel: LogMel
    """[1, mel, frame]"""


def write_page(
    folder: Path,
    title: str,
    shown: Iterable[Shown],
    sample_rate: int,
    measured: Mapping[str, float] | None = None,
) -> None:
    """Write sounds, spectrograms and a page that shows both, which needs nothing from elsewhere.

    Args:
        folder: exists.
        title: of the page.
        shown: its sounds.
        sample_rate: of them.
        measured: what was measured, told at the top and kept in `measured.json`.
    """
    parts = [_HEAD.format(title=html.escape(title))]
    if measured:
        told = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
        parts.append(f"<p>{html.escape(told)}</p>\n")
        write_file(folder / MEASURED, (json.dumps(dict(measured), indent=1) + "\n").encode())
    for one in shown:
        write_audio(folder / f"{one.name}.wav", one.samples, sample_rate=sample_rate)
        picture = io.BytesIO()
        spectrogram_figure(one.log_mel[0], title=one.title).save(picture, format="PNG")
        write_file(folder / f"{one.name}.png", picture.getvalue())
        parts.append(
            f"<figure><figcaption>{html.escape(one.title)}</figcaption>"
            f'<img src="{one.name}.png" alt="spectrogram"><audio controls src="{one.name}.wav">'
            "</audio></figure>\n"
        )
    write_file(folder / PAGE, "".join(parts).encode())


def generated(model: AuffusionPipeline, listening: Listening) -> Sequence[Shown]:
    """The sounds of fixed prompts and seeds, made with the model as it is now."""
    # diffusers annotates neither its scheduler's setter nor the bar.
    pipeline: Any = model
    before = pipeline.scheduler
    was_training = pipeline.unet.training
    pipeline.set_progress_bar_config(disable=True)
    try:
        pipeline.unet.eval()
        pipeline.scheduler = make_scheduler(listening.scheduler, before.config)
        return [_one(pipeline, listening, i, prompt) for i, prompt in enumerate(listening.prompts)]
    finally:
        pipeline.scheduler = before
        pipeline.unet.train(was_training)


def _one(pipeline: Any, listening: Listening, number: int, prompt: str) -> Shown:  # noqa: ANN401
    result = pipeline(
        prompt,
        num_inference_steps=listening.steps,
        guidance_scale=listening.guidance,
        seeds=[listening.seed + number],
        output_type="pt",
    )
    return Shown(
        name=f"{number:02d}",
        title=f"{prompt} (seed {listening.seed + number})",
        samples=result.audios[0].float().cpu(),
        log_mel=result.spectrograms[:1].float().cpu(),
    )
