"""Instruments and drums rendered from a General MIDI soundfont, with exact captions."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import soundfile
from numpy.typing import NDArray

from auffusion.errors import InputError

SLOT_S = 6.0
"""Seconds from one clip's start to the next in the rendered file."""

_TICKS_PER_S = 1000
_START_S = 0.05
_LOW_PROGRAMS = {*range(32, 40), 42, 43, 47, 57, 58, 67, 70, *range(116, 119)}
_HIGH_PROGRAMS = {8, 9, 10, 13, 72, 78, 112}
_OCTAVE = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
_NOTE_NAMES = [note.replace("#", " sharp") for note in _OCTAVE]
_NO_DRUM = {40, 43, 44, 48, 57, 59, 63, 66, 68, 74, 77, 79, 80}
_DRUM_KEYS = [key for key in range(36, 82) if key not in _NO_DRUM]
_KITS = [0, 8, 16, 24, 25, 40]
_KICK, _SNARE, _HAT, _OPEN_HAT, _LOW_TOM, _HIGH_TOM, _STICK, _RIDE = 36, 38, 42, 46, 45, 50, 37, 51

# Sixteen steps a bar: the steps on which each drum sounds.
_BEATS: list[dict[int, list[int]]] = [
    {_KICK: [0, 8, 10], _SNARE: [4, 12], _HAT: list(range(0, 16, 2))},
    {_KICK: [0, 4, 8, 12], _SNARE: [4, 12], _OPEN_HAT: [2, 6, 10, 14]},
    {_KICK: [0, 3, 7, 10], _SNARE: [4, 12], _HAT: [0, 2, 4, 6, 8, 10, 12, 14, 15]},
    {_KICK: [0, 8], _SNARE: [12], _RIDE: [0, 4, 7, 8, 12, 15]},
    {_LOW_TOM: [0, 3, 6, 8, 11, 14], _HIGH_TOM: [2, 5, 10, 13], _KICK: [0, 8]},
    {_KICK: [0, 6, 8, 14], _STICK: [0, 3, 6, 10, 13], _HAT: list(range(0, 16, 2))},
]

Notes = list[tuple[float, float, int, int]]
"""(start s, length s, key, velocity)"""


def render_slots(
    slots: dict[int, str], soundfont: Path, sample_rate: int
) -> dict[int, NDArray[np.float32]]:
    """Mono float32 sound of each slot, `SLOT_S` long.

    Args:
        slots: slot number to the clip's caption, which names the note where one is held.
        soundfont: an `.sf2` or `.sf3` file in General MIDI order.
        sample_rate: Hz.

    Raises:
        InputError: fluidsynth is not installed or refuses the soundfont.
    """
    if shutil.which("fluidsynth") is None:
        raise InputError(
            "rendered instruments need the command fluidsynth: install the package fluidsynth"
        )
    order = sorted(slots)
    midi = _midi_file([(_program(slot), _notes(slot, slots[slot])) for slot in order])
    samples = _play(midi, soundfont, sample_rate)
    length = round(SLOT_S * sample_rate)
    return {slot: samples[i * length : (i + 1) * length] for i, slot in enumerate(order)}


def _play(midi: mido.MidiFile, soundfont: Path, sample_rate: int) -> NDArray[np.float32]:
    with tempfile.TemporaryDirectory() as folder:
        notes, sound = Path(folder, "slots.mid"), Path(folder, "slots.wav")
        midi.save(str(notes))
        options = ["-ni", "-q", "-g", "0.6", "-r", str(sample_rate), "-F", str(sound)]
        command = ["fluidsynth", *options, str(soundfont), str(notes)]
        done = subprocess.run(command, capture_output=True, check=False)
        # fluidsynth leaves with success, and silence, when it cannot read a soundfont.
        if done.returncode or not sound.is_file() or b"fluidsynth: error" in done.stderr:
            raise InputError(f"fluidsynth could not render {soundfont}: {done.stderr[-200:]!r}")
        return soundfile.read(sound, dtype="float32", always_2d=True)[0].mean(axis=1)


def _program(slot: int) -> tuple[int, int]:
    """(channel, program) of a slot."""
    if slot < 1200:
        return 0, slot // 10
    if slot < 1224:
        return 0, 120 + (slot - 1200) // 3
    if slot < 1290:
        return 9, 0
    return 9, _KITS[(slot - 1290) // 12]


def _notes(slot: int, caption: str) -> Notes:
    if slot < 1200:
        return _phrase(slot // 10, slot % 10, caption)
    if slot < 1224:
        return [(0.0, 3.0, (48, 60, 67)[(slot - 1200) % 3], 100)]
    if slot < 1290:
        drum, loud = divmod(slot - 1224, 2)
        return [(0.0, 0.5, _DRUM_KEYS[drum], 120 if loud else 55)]
    beat, fast = divmod((slot - 1290) % 12, 2)
    return _beat(_BEATS[beat], 0.105 if fast else 0.165)


def _phrase(program: int, phrase: int, caption: str) -> Notes:
    middle = 45 if program in _LOW_PROGRAMS else 76 if program in _HIGH_PROGRAMS else 60
    if phrase < 3:
        return [(0.0, 3.0, _named_key(caption) or middle + 12 * (phrase - 1), 100)]
    return _PHRASES[phrase - 3](middle)


def _named_key(caption: str) -> int | None:
    """The MIDI key of the note that ends a caption.

    >>> _named_key("an oboe playing a long high note, A sharp5"), _named_key("a harp")
    (82, None)
    """
    found = re.search(r", ([A-G](?: sharp)?)(-?\d)$", caption)
    return _NOTE_NAMES.index(found[1]) + 12 * (int(found[2]) + 1) if found else None


def _run_of(keys: list[int], step_s: float, hold: float = 0.95) -> Notes:
    return [(i * step_s, step_s * hold, key, 100) for i, key in enumerate(keys)]


def _chord(keys: list[int]) -> Notes:
    return [(0.0, 3.0, key, 90) for key in keys]


_MAJOR = [0, 2, 4, 5, 7, 9, 11, 12]
_SLOW_WALK = [0, 2, 4, 2, 7, 4, 9, 7]
_LIVELY_WALK = [0, 4, 2, 7, 4, 9, 7, 12, 9, 7, 4, 7, 2, 4, 0, 2, 4, 7, 9, 12, 7, 4, 0]
_PHRASES: list[Callable[[int], Notes]] = [
    lambda key: _run_of([key] * 16, 0.2, 0.6),
    lambda key: _run_of([key + step for step in _MAJOR], 0.4),
    lambda key: _run_of([key + step for step in reversed(_MAJOR)], 0.16),
    lambda key: _chord([key, key + 4, key + 7]),
    lambda key: _chord([key, key + 3, key + 7]),
    lambda key: _run_of([key + step for step in _SLOW_WALK], 0.6),
    lambda key: _run_of([key + step for step in _LIVELY_WALK], 0.22),
]


def _beat(pattern: dict[int, list[int]], step_s: float) -> Notes:
    bars = int(5.0 / (16 * step_s))
    return [
        ((16 * bar + step) * step_s, step_s, drum, 110 if step % 4 == 0 else 85)
        for bar in range(max(1, bars))
        for drum, steps in pattern.items()
        for step in steps
    ]


def _midi_file(slots: list[tuple[tuple[int, int], Notes]]) -> mido.MidiFile:
    """One track; slot i starts at i · SLOT_S."""
    events: list[tuple[float, int, mido.Message]] = []
    for i, ((channel, program), notes) in enumerate(slots):
        start = i * SLOT_S
        change = mido.Message("program_change", channel=channel, program=program)
        events.append((start, 0, change))
        for onset, length, key, velocity in notes:
            begin = start + _START_S + onset
            on = mido.Message("note_on", channel=channel, note=key, velocity=velocity)
            off = mido.Message("note_off", channel=channel, note=key)
            # A note that is struck again ends first.
            events += [(begin, 2, on), (begin + length, 1, off)]
    events.append((len(slots) * SLOT_S, 3, mido.Message("note_off", note=0)))
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)])
    now = 0
    for moment, _, message in sorted(events, key=lambda event: event[:2]):
        ticks = round(moment * _TICKS_PER_S)
        track.append(message.copy(time=ticks - now))
        now = ticks
    return mido.MidiFile(ticks_per_beat=_TICKS_PER_S, tracks=[track])
