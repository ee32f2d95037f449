"""Maps of words as a page that plays the sound, a playhead moving over each map."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from auffusion.attention.grounding import LARGEST_P, LEAST_AGREEMENT, Grounding
from auffusion.attention.picture import MapRow, MapScale, sound_levels, unit_levels, widest
from auffusion.image.axes import hertz_ticks, second_ticks
from auffusion.image.colour import PLASMA, VIRIDIS
from auffusion.image.squares import levels_of
from auffusion.page import data_uri, inert, number, page, safe, table

_WIDTH, _HEIGHT = 768, 96
_SOUND_HEIGHT = 144
_HERTZ = frozenset({"500", "2000", "8000"})

_STYLE = """
h3 { font-size: .95rem; font-weight: 600; margin: 1.4rem 0 .5rem; overflow-wrap: anywhere; }
audio { width: 100%; margin: .2rem 0 .8rem; }
.lane { display: grid; grid-template-columns: 8.5rem 3rem 1fr; align-items: stretch;
  margin-bottom: 6px; }
.word { padding-right: .6rem; overflow-wrap: anywhere; line-height: 1.25; align-self: center; }
.word small { display: block; color: var(--faint); }
.hertz { position: relative; color: var(--faint); font-size: .72rem; }
.hertz span { position: absolute; right: .4rem; transform: translateY(50%); line-height: 1; }
.map { position: relative; cursor: pointer; border-radius: 3px; touch-action: pan-y; }
.map:focus-visible { outline: 3px solid var(--bar); outline-offset: 2px; }
.map img { display: block; width: 100%; height: 4.5rem; border-radius: 3px; }
.map.tall img { height: 7rem; }
.map i { position: absolute; top: 0; bottom: 0; left: calc(var(--at, 0) * 100%); width: 2px;
  margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px rgba(0, 0, 0, .65);
  pointer-events: none; }
.time { position: relative; height: 1.3rem; color: var(--faint); font-size: .78rem; }
.time span { position: absolute; transform: translateX(-50%); }
.bar { display: flex; align-items: center; gap: .6rem; color: var(--faint); font-size: .8rem;
  margin: .4rem 0 1rem; }
.bar img { height: .7rem; width: 12rem; border-radius: 2px; }
@media (max-width: 40rem) { .lane { grid-template-columns: 1fr; } .hertz { display: none; } }
"""

_SCRIPT = """
"use strict";
const sounds = [...document.querySelectorAll("section[data-seconds]")];
for (const sound of sounds) {
  const audio = sound.querySelector("audio");
  const maps = [...sound.querySelectorAll(".map")];
  const seconds = Number(sound.dataset.seconds);
  const show = () => {
    const at = Math.min(audio.currentTime, seconds);
    sound.style.setProperty("--at", String(at / seconds));
    for (const map of maps) {
      map.setAttribute("aria-valuenow", at.toFixed(2));
      map.setAttribute("aria-valuetext", at.toFixed(2) + " seconds");
    }
  };
  const run = () => { show(); if (!audio.paused) requestAnimationFrame(run); };
  const go = (to) => { audio.currentTime = Math.min(Math.max(to, 0), seconds); show(); };
  audio.addEventListener("play", () => {
    for (const other of sounds) {
      if (other !== sound) other.querySelector("audio").pause();
    }
    run();
  });
  for (const name of ["pause", "seeked", "timeupdate", "ended"]) {
    audio.addEventListener(name, show);
  }
  for (const map of maps) {
    const point = (event) => {
      const box = map.getBoundingClientRect();
      go((event.clientX - box.left) / box.width * seconds);
    };
    map.addEventListener("pointerdown", (event) => {
      map.setPointerCapture(event.pointerId);
      point(event);
    });
    map.addEventListener("pointermove", (event) => { if (event.buttons & 1) point(event); });
    map.addEventListener("keydown", (event) => {
      const at = audio.currentTime;
      const to = { ArrowLeft: at - 0.1, ArrowRight: at + 0.1, PageDown: at - 1, PageUp: at + 1,
        Home: 0, End: seconds }[event.key];
      if (to !== undefined) go(to);
      else if (event.key === " ") { if (audio.paused) audio.play(); else audio.pause(); }
      else return;
      event.preventDefault();
    });
  }
  show();
}
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeardSound:
    """A sound and the rows of the picture that are its."""

    label: str
    """What made it."""
    sound: bytes
    """A WAV file."""
    rows: Sequence[MapRow]
    """Its maps; the spectrogram of the first is shown."""
    scores: Sequence[Mapping[str, Grounding | None]]
    """By word, for each row."""


def attention_page(
    title: str, sounds: Sequence[HeardSound], *, scale: MapScale = "relative", under: str = ""
) -> str:
    """The page as HTML, sounds and pictures within it.

    Args:
        title: the prompt.
        sounds: a section each.
        scale: of the colours, as for `attention_picture`.
        under: how the sounds were made.
    """
    maps = [one for sound in sounds for row in sound.rows for one in row.maps.values()]
    reach = widest(maps)
    return page(
        title,
        "\n".join(_section(sound, scale, reach) for sound in sounds),
        under=inert(under),
        style=_STYLE,
        script=_SCRIPT,
        footer="Click into a map, or move with the arrow keys when it has the focus; the space bar "
        "plays and stops.",
    )


def _section(heard: HeardSound, scale: MapScale, reach: float) -> str:
    first = heard.rows[0]
    seconds = next(iter(first.maps.values())).seconds
    lanes: list[str] = []
    if first.log_mel is not None:
        picture = _png(sound_levels(first.log_mel), _SOUND_HEIGHT, VIRIDIS)
        lanes.append(_lane(first, "sound", "level", picture, seconds, tall=True))
    for row, scores in zip(heard.rows, heard.scores, strict=True):
        heading = "" if row.label == heard.label else f"<h3>{safe(row.label)}</h3>\n"
        lanes += [heading, _row(row, scores, scale, reach, seconds)]
    return (
        f'<section data-seconds="{seconds:.4f}">\n<h2>{safe(heard.label)}</h2>\n'
        f'<audio controls preload="auto" src="{data_uri("audio/wav", heard.sound)}"></audio>\n'
        f"{''.join(lanes)}</section>"
    )


def _row(
    row: MapRow,
    scores: Mapping[str, Grounding | None],
    scale: MapScale,
    reach: float,
    seconds: float,
) -> str:
    largest = max(float(one.values.max()) for one in row.maps.values())
    lanes: list[str] = []
    for word, one in row.maps.items():
        picture = _png(unit_levels(one, scale, reach=reach, largest=largest), _HEIGHT, PLASMA)
        mean = f"mean share {float(one.values.mean()):.1%}"
        lanes.append(_lane(row, word, mean, picture, seconds))
    return f"{''.join(lanes)}{_time(seconds)}{_bar(scale, reach, largest)}{_scores(scores)}"


def _lane(
    row: MapRow, word: str, told: str, picture: str, seconds: float, *, tall: bool = False
) -> str:
    hertz = "".join(
        f'<span style="bottom:{share:.1%}">{label}</span>'
        for share, label in hertz_ticks(row.mel)
        if label in _HERTZ
    )
    return (
        f'<div class="lane"><div class="word">{safe(word)}<small>{inert(told)}</small></div>'
        f'<div class="hertz" aria-hidden="true">{hertz}</div>'
        f'<div class="map{" tall" if tall else ""}" tabindex="0" role="slider" '
        f'aria-label="{inert(word)}: position in the sound" aria-valuemin="0" '
        f'aria-valuemax="{seconds:.2f}" aria-valuenow="0">'
        f'<img alt="{inert(word)} over time and frequency" src="{picture}"><i></i></div></div>\n'
    )


def _time(seconds: float) -> str:
    ticks = "".join(
        f'<span style="left:{second / seconds:.2%}">{label}</span>'
        for second, label in second_ticks(seconds)
    )
    return (
        '<div class="lane"><div class="word"><small>seconds</small></div><div></div>'
        f'<div class="time" aria-hidden="true">{ticks}</div></div>\n'
    )


def _bar(scale: MapScale, reach: float, largest: float) -> str:
    low, high = {
        "relative": (f"{2**-reach:.2f} times the word's mean share", f"{2**reach:.2f} times"),
        "share": ("0 % of a place's attention", f"{largest:.1%}"),
        "own": ("the word's least share", "its largest (not comparable)"),
    }[scale]
    column: Image.Image = Image.fromarray(PLASMA[None])
    return (
        f'<div class="bar">{low} <img alt="colours of the maps" src="{_encoded(column)}"> '
        f"{high}</div>\n"
    )


def _scores(scores: Mapping[str, Grounding | None]) -> str:
    names = ("agreement", "p", "concentration", "distinctness")
    head = "<th>word</th>" + "".join(f'<th class="number">{name}</th>' for name in names)
    rows = [
        [f'<td class="text">{safe(word)}</td>', *_score_cells(one)] for word, one in scores.items()
    ]
    return table(f"{head}<th>grounded</th>", rows)


def _score_cells(one: Grounding | None) -> list[str]:
    if one is None:
        return ['<td colspan="5">the sound has one level everywhere</td>']
    return [
        number(f"{one.agreement:+.2f}"),
        number(f"{one.p_value:.3f}"),
        number(f"{one.concentration:.4f}"),
        number("" if one.distinctness is None else f"{one.distinctness:.4f}"),
        f"<td>{_verdict(one)}</td>",
    ]


def _verdict(one: Grounding) -> str:
    if one.grounded:
        return '<span class="good">yes</span>'
    why = "agreement" if one.agreement <= LEAST_AGREEMENT else "timing"
    limit = f"at most {LEAST_AGREEMENT}" if why == "agreement" else f"p above {LARGEST_P}"
    return f'<span class="warning">no</span> <small>({why}: {limit})</small>'


def _png(levels: Float[Tensor, "row column"], height: int, colours: NDArray[np.uint8]) -> str:
    picture: Image.Image = Image.fromarray(levels_of(levels, _WIDTH, height))
    # The scale is the palette: a byte a pixel.
    picture.putpalette(colours.tobytes())
    return _encoded(picture)


def _encoded(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return data_uri("image/png", buffer.getvalue())
