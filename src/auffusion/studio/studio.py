"""A loaded model and what the commands do with it."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from auffusion.audio import (
    inspect_audio,
    read_audio,
    read_metadata,
    to_int16,
    write_audio,
)
from auffusion.audio.channels import Channels, from_encoding
from auffusion.denoise import make_scheduler
from auffusion.errors import InputError
from auffusion.files import write_file
from auffusion.image import spectrogram_figure
from auffusion.pipeline.identity import model_identity
from auffusion.pipeline.loras import Lora, load_loras, lora_identity
from auffusion.pipeline.pipeline import AuffusionPipeline
from auffusion.studio.devices import choose_device
from auffusion.studio.settings import Record, Settings, UsedLora, digest


@dataclass(frozen=True, kw_only=True)
class MadeSound:
    """One sound, ready to be written."""

    samples: NDArray[np.int16]
    """16-bit samples."""
    sample_rate: int
    """In Hz."""
    log_mel: Float[Tensor, "mel frame"]
    """Its spectrogram."""
    truncated: str
    """What the prompt lost because it was too long; "" for nothing."""
    record: Record
    """What the file says about itself."""

    @property
    def channels(self) -> Channels:
        """The samples of the file, as numbers in [-1, 1]."""
        return from_encoding(self.samples[:, None], "PCM_16")

    def write(self, path: Path, *, spectrogram: bool = False) -> None:
        """Write the file, and with `spectrogram` a picture beside it."""
        if spectrogram:
            # First: the sound's file is the mark that all is done.
            write_figure(path.with_suffix(".png"), self.log_mel, self.record.settings.prompt)
        write_audio(
            path,
            self.samples,
            sample_rate=self.sample_rate,
            metadata=self.record.to_metadata(),
        )


class Studio:
    """A model on its device.

    Args:
        model: "embedded", a folder or a hub id.
        device: "auto", "cpu", "cuda" or "mps".
        dtype: "float32", "float16" or "bfloat16".
        loras: folders of LoRAs that are added, each as FOLDER or FOLDER:SCALE.

    Raises:
        InputError: no such model, LoRA or device.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str = "auto",
        dtype: str = "float32",
        loras: Sequence[str] = (),
    ) -> None:
        chosen = choose_device(device)
        precision: torch.dtype = getattr(torch, dtype)
        pipeline: Any = AuffusionPipeline.from_pretrained(model, dtype=precision)
        pipeline.set_progress_bar_config(disable=True)
        self.model = model
        self.identity = model_identity(pipeline)
        added = [Lora.parse(lora) for lora in loras]
        load_loras(pipeline, added)
        self.loras = tuple(
            UsedLora(name=str(a.folder), identity=lora_identity(a.folder), scale=a.scale)
            for a in added
        )
        self.pipeline = pipeline.to(chosen)
        self._scheduler = dict(pipeline.scheduler.config)

    def complete(self, settings: Settings) -> Settings:
        """The settings with the model's own where they name none.

        Raises:
            InputError: a length that the model cannot make.
        """
        guidance = settings.guidance
        if guidance is None:
            guidance = float(self.pipeline.config.default_guidance)
        samples = self.pipeline.canvas.samples(settings.length_s)
        length_s = samples / self.pipeline.mel.sample_rate
        return replace(settings, guidance=guidance, length_s=length_s)

    def record(self, settings: Settings, samples: str = "") -> Record:
        """What a file made with these settings says."""
        return Record(
            settings=settings,
            model=self.model,
            identity=self.identity,
            version=version("auffusion"),
            samples=samples,
            loras=self.loras,
        )

    def ready(self, settings: Settings) -> Any:  # noqa: ANN401
        """The pipeline with the scheduler of these settings."""
        self.pipeline.scheduler = make_scheduler(settings.scheduler, self._scheduler)
        return self.pipeline

    def make(self, settings: Settings, on_step: Callable[[], object]) -> MadeSound:
        """One sound, alone in its batch: neighbours would change the last bits.

        Args:
            settings: complete settings (`complete`).
            on_step: called after each denoising step.

        Raises:
            InputError: settings that this model cannot follow.
        """
        result: Any = self.ready(settings)(
            settings.prompt,
            negative_prompt=settings.negative,
            audio_length_in_s=settings.length_s,
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            seeds=[settings.seed],
            output_type="pt",
            callback_on_step_end=_after_each_step(on_step),
            callback_on_step_end_tensor_inputs=[],
        )
        return self.made(settings, result)

    def made(self, settings: Settings, result: Any) -> MadeSound:  # noqa: ANN401
        """The sound of an output of type "pt", with the record of these settings."""
        samples = to_int16(result.audios[0].cpu()).numpy()
        return MadeSound(
            samples=samples,
            sample_rate=result.sampling_rate,
            log_mel=result.spectrograms[0].float().cpu(),
            truncated=result.truncated[0],
            record=self.record(settings, digest(samples.astype("<i2").tobytes())),
        )

    def has_made(self, path: Path, settings: Settings) -> bool:
        """Whether the file is there, whole, and what these settings make."""
        try:
            record = read_record(path)
            return record.makes_the_same_as(self.record(settings)) and (
                record.samples == digest(read_samples(path).astype("<i2").tobytes())
            )
        except InputError:
            return False


def _after_each_step(call: Callable[[], object]) -> Callable[..., dict[str, Any]]:
    def callback(*_seen: Any) -> dict[str, Any]:  # noqa: ANN401
        call()
        return {}

    return callback


def read_samples(path: Path) -> NDArray[np.int16]:
    """The 16-bit samples of a file, at its own rate."""
    waveform = read_audio(path, sample_rate=inspect_audio(path).sample_rate)
    return to_int16(waveform[0]).numpy()


def read_record(path: Path) -> Record:
    """What a generated file says about itself.

    Raises:
        InputError: it is no sound file, or carries no settings.
    """
    return Record.from_metadata(read_metadata(path), str(path))


def write_figure(path: Path, log_mel: Float[Tensor, "mel frame"], title: str) -> None:
    """A labelled picture of a spectrogram, as PNG."""
    buffer = io.BytesIO()
    spectrogram_figure(log_mel, title=title).save(buffer, format="PNG")
    write_file(path, buffer.getvalue())
