"""What decides a sound, and the record of it that every file carries."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import Any, cast

from auffusion.errors import InputError

FAST_STEPS = 25
"""Steps of the command line: with DPM-Solver++ as good as the published 100 (paper, Table 5)."""

NOTE = "Generated audio: made by a model from the prompt, not recorded."
EDITED = "Edited audio: a model made it, or a part of it, from a recording or a prompt."
GENERATE = "generate"
"""The kind of a record that is no edit's."""
HIGHEST_SEED = 2**32 - 1

_KINDS: dict[str, tuple[type, ...]] = {
    "prompt": (str,),
    "negative": (str, type(None)),
    "seed": (int,),
    "steps": (int,),
    "guidance": (float, int, type(None)),
    "length_s": (float, int, type(None)),
    "scheduler": (str,),
    "dtype": (str,),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides the samples of one sound, besides the model."""

    prompt: str = ""
    """What to hear."""
    negative: str | None = None
    """What not to hear; None is no text, as the model was trained."""
    seed: int = 0
    """Decides the noise; the same on every device."""
    steps: int = FAST_STEPS
    """Denoising steps."""
    guidance: float | None = None
    """Guidance scale s (the paper's w + 1); None is the model's own."""
    length_s: float | None = None
    """Seconds; None is the model's training window."""
    scheduler: str = "dpm++"
    """Name of the sampler."""
    dtype: str = "float32"
    """Precision of the networks."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"--steps is {self.steps}, expected 1 or more")
        # Written so that NaN fails too.
        if not 0 <= (0.0 if self.guidance is None else self.guidance) < math.inf:
            raise InputError(f"--guidance is {self.guidance}, expected 0 or more")
        if not 0 < (1.0 if self.length_s is None else self.length_s) < math.inf:
            raise InputError(f"--length is {self.length_s}, expected seconds above 0")
        if not 0 <= self.seed <= HIGHEST_SEED:
            raise InputError(f"the seed {self.seed} is not within 0 and {HIGHEST_SEED}")
        for text in (self.prompt, self.negative or ""):
            if not _is_text(text):
                raise InputError(f"the prompt {text!r} holds bytes that are not UTF-8")


def _is_text(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


@dataclass(frozen=True, kw_only=True)
class UsedLora:
    """A LoRA that a sound was made with."""

    name: str
    """Its folder as it was named."""
    identity: str
    """SHA-256 of its content."""
    scale: float
    """How strongly it was heard."""


@dataclass(frozen=True, kw_only=True)
class UsedRecording:
    """The recording that was edited."""

    name: str
    """Its file as it was named."""
    identity: str
    """SHA-256 of the file."""


@dataclass(frozen=True, kw_only=True)
class UsedEdit:
    """The edit that made a sound."""

    kind: str
    """Its name: that of its command."""
    options: Mapping[str, Any]
    """What decides it besides the settings, as JSON has it."""
    recording: UsedRecording | None = None
    """What it was made of; None is the prompt alone."""

    def makes_the_same_as(self, other: "UsedEdit | None") -> bool:
        """Whether both describe the same edit, wherever the recording lies."""
        return other is not None and self._decisive() == other._decisive()

    def _decisive(self) -> tuple[Any, ...]:
        return self.kind, self.options, self.recording and self.recording.identity


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a file of ours says about itself."""

    settings: Settings
    """What made it."""
    model: str
    """The model as it was named."""
    identity: str
    """SHA-256 of the model's content."""
    version: str
    """Version of auffusion."""
    samples: str
    """SHA-256 of the samples as the file holds them."""
    loras: tuple[UsedLora, ...] = ()
    """What was added to the model, in order."""
    edit: UsedEdit | None = None
    """How it was edited; None is generated from the prompt."""

    @property
    def kind(self) -> str:
        """What made it: `generate`, or the name of an edit."""
        return GENERATE if self.edit is None else self.edit.kind

    def makes_the_same_as(self, other: "Record") -> bool:
        """Whether both describe the same sound, whatever the version and the model's address."""
        same = (self.settings, self.identity, self._added()) == (
            other.settings,
            other.identity,
            other._added(),
        )
        if self.edit is None:
            return same and other.edit is None
        return same and self.edit.makes_the_same_as(other.edit)

    def _added(self) -> list[tuple[str, float]]:
        return [(lora.identity, lora.scale) for lora in self.loras]

    def to_comment(self) -> str:
        """JSON for the comment field; ASCII, because not every reader of WAV knows UTF-8."""
        return json.dumps(
            {
                "auffusion": self.version,
                "note": NOTE if self.edit is None else EDITED,
                "kind": self.kind,
                "model": {"name": self.model, "sha256": self.identity},
                **({"loras": [_told(lora) for lora in self.loras]} if self.loras else {}),
                "settings": asdict(self.settings),
                **({} if self.edit is None else {"edit": _told_edit(self.edit)}),
                "samples_sha256": self.samples,
            }
        )

    def to_metadata(self) -> dict[str, str]:
        """The fields of a sound file."""
        title = " ".join(self.settings.prompt.replace("\0", " ").split())
        if not title and self.edit is not None and self.edit.recording is not None:
            title = PurePath(self.edit.recording.name).name.replace("\0", " ")
        return {
            "title": title[:200],
            "software": f"auffusion {self.version}",
            "comment": self.to_comment(),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], source: str) -> "Record":
        """The record in a file's fields.

        Raises:
            InputError: there is none, or it was damaged; the sentence begins with `source`.
        """
        try:
            content = json.loads(metadata.get("comment", ""))
            return cls(
                settings=_settings(content["settings"]),
                model=_text(content["model"]["name"]),
                identity=_text(content["model"]["sha256"]),
                version=_text(content["auffusion"]),
                samples=_text(content["samples_sha256"]),
                loras=tuple(_lora(one) for one in content.get("loras", ())),
                edit=_edit(content),
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InputError(
                f"{source} carries no settings of auffusion, or they are damaged: only a file "
                "made by auffusion generate or auffusion edit can be made again"
            ) from error


def _settings(content: Any) -> Settings:  # noqa: ANN401
    values = cast("dict[str, Any]", dict(content))
    for field in fields(Settings):
        if not isinstance(values[field.name], _KINDS[field.name]):
            raise TypeError(field.name)
    for number in ("guidance", "length_s"):
        values[number] = None if values[number] is None else float(values[number])
    return Settings(**values)


def _told(lora: UsedLora) -> dict[str, Any]:
    return {"name": lora.name, "sha256": lora.identity, "scale": lora.scale}


def _lora(content: Any) -> UsedLora:  # noqa: ANN401
    return UsedLora(
        name=_text(content["name"]),
        identity=_text(content["sha256"]),
        scale=float(content["scale"]),
    )


def _told_edit(edit: UsedEdit) -> dict[str, Any]:
    used = edit.recording
    told = {"recording": {"name": used.name, "sha256": used.identity}} if used else {}
    return {"options": dict(edit.options), **told}


def _edit(content: Any) -> UsedEdit | None:  # noqa: ANN401
    kind = _text(content.get("kind", GENERATE))  # files of older versions do not say it
    if kind == GENERATE:
        return None
    edit = content["edit"]
    used = edit.get("recording")
    return UsedEdit(
        kind=kind,
        options=dict(edit["options"]),
        recording=used and UsedRecording(name=_text(used["name"]), identity=_text(used["sha256"])),
    )


def _text(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def digest(samples: bytes) -> str:
    """SHA-256 of little-endian samples, or of a whole file."""
    return hashlib.sha256(samples).hexdigest()
