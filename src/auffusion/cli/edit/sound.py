"""An edited sound, from the settings to the file."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from auffusion.audio import fit_length, resample, to_mono
from auffusion.audio.channels import Channels, from_encoding, in_encoding, write_channels
from auffusion.audio.encoding import Samples, sample_bytes
from auffusion.cli.edit.edit import Edit, Outcome, edit_options
from auffusion.cli.edit.source import Source
from auffusion.files import write_file
from auffusion.image import Mark, Panel, stacked_figure
from auffusion.mel import MelConfig, MelSpectrogram
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.hooks import progress_hook
from auffusion.pipeline.recording import as_recording
from auffusion.studio.settings import Record, Settings, UsedEdit, digest
from auffusion.studio.studio import Studio


@dataclass(frozen=True, kw_only=True)
class EditedSound:
    """A sound ready to be written."""

    samples: Samples
    """[time channel], as the file holds them."""
    outcome: Outcome
    """What the edit gave back."""
    mel: MelConfig
    """The front-end of the pictures."""
    record: Record
    """What the file says about itself."""

    @property
    def channels(self) -> Channels:
        """The samples of the file, as numbers in [-1, 1]."""
        return from_encoding(self.samples, self.outcome.encoding)

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self.outcome.rate

    def panels(self) -> list[Panel]:
        """Before and after."""
        before, after = self.outcome.before, self.outcome.after
        return [after] if before is None else [before, after]

    def write(self, path: Path, *, picture: bool = False) -> None:
        """Write the file, and with `picture` before and after beside it."""
        if picture:
            # First: the sound's file is the mark that all is done.
            write_panels(path.with_suffix(".png"), self.panels(), self.mel)
        write_channels(
            path,
            self.samples,
            sample_rate=self.outcome.rate,
            encoding=self.outcome.encoding,
            metadata=self.record.to_metadata(),
        )


def edited_sound(
    studio: Studio,
    edit: Edit,
    settings: Settings,
    source: Source | None,
    advance: Callable[[], object],
) -> EditedSound:
    """One edited sound.

    Args:
        studio: the model.
        edit: what to do.
        settings: complete settings (`complete_edit`).
        source: the recording; None where there is none.
        advance: called after each step.

    Raises:
        InputError: what cannot be done with this model or recording.
    """
    outcome = edit.apply(studio.ready(settings), settings, source, progress_hook(advance))
    samples = in_encoding(outcome.channels, outcome.encoding)
    used = UsedEdit(
        kind=edit.kind,
        options=edit_options(edit),
        recording=None if source is None else source.used,
    )
    record = studio.record(settings, digest(sample_bytes(samples, outcome.encoding)))
    return EditedSound(
        samples=samples,
        outcome=outcome,
        mel=studio.pipeline.mel,
        record=replace(record, edit=used),
    )


def complete_edit(studio: Studio, settings: Settings, source: Source | None) -> Settings:
    """The settings with the model's guidance, and the recording's length, where they name none.

    Raises:
        InputError: a length that the model cannot make.
    """
    if source is None:
        return studio.complete(settings)
    return studio.complete(replace(settings, length_s=source.info.duration_s))


def write_panels(path: Path, panels: Sequence[Panel], mel: MelConfig) -> None:
    """Spectrograms above each other, as PNG."""
    buffer = io.BytesIO()
    stacked_figure(panels, config=mel).save(buffer, format="PNG", optimize=True)
    write_file(path, buffer.getvalue())


def before_panel(pipeline: Any, source: Source, marks: Sequence[Mark] = ()) -> Panel:  # noqa: ANN401
    """The recording as it came."""
    chain = Chain(pipeline)
    recording = as_recording(source.channels, source.rate, chain)
    frames = chain.canvas.frames_of(recording.samples)
    return log_mel_panel(recording.log_mel(chain)[..., :frames], source.path.name, marks)


def log_mel_panel(
    log_mel: Float[Tensor, "*item mel frame"], title: str, marks: Sequence[Mark] = ()
) -> Panel:
    """A panel of one log-mel, wherever it lies."""
    flat = log_mel.reshape(log_mel.shape[-2:]).detach().float().cpu()
    return Panel(log_mel=flat, title=title, marks=marks)


def panel_of(
    mel: MelConfig,
    channels: Channels,
    rate: int,
    *,
    gain: float,
    title: str,
    marks: Sequence[Mark] = (),
    begins_s: float = 0.0,
    seconds: float | None = None,
) -> Panel:
    """A panel of a sound.

    Args:
        mel: the front-end.
        channels: the sound.
        rate: its rate in Hz.
        gain: what it is divided by, so that two sounds are seen at the level of one.
        title: above it.
        marks: what to point at.
        begins_s: silence before it.
        seconds: how long the picture is; None is as long as the sound.
    """
    waveform = resample(to_mono(channels).float(), rate, mel.sample_rate) / gain
    shifted = F.pad(waveform, (round(begins_s * mel.sample_rate), 0))
    samples = shifted.shape[-1] if seconds is None else round(seconds * mel.sample_rate)
    frames = max(1, samples // mel.hop_length)
    whole = fit_length(shifted, max(frames * mel.hop_length, mel.minimum_samples))
    return log_mel_panel(MelSpectrogram(mel)(whole)[..., :frames], title, marks)
