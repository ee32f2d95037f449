"""A histogram as a drawing in a page."""

from html import escape

from auffusion.data.doctor.report import Histogram

_WIDTH, _HEIGHT, _FOOT, _HEAD = 320, 150, 20, 18
_MOST_STEPS = 7


def histogram_picture(histogram: Histogram) -> str:
    """SVG, with the colours of the page; each bar says its numbers when pointed at."""
    bars = len(histogram.counts)
    step = _WIDTH / bars
    most = max(1, *histogram.counts)
    room = _HEIGHT - _FOOT - _HEAD
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(histogram.title)} of the sounds">'
    ]
    for place, count in enumerate(histogram.counts):
        height = room * count / most
        # What is there is seen, however little it is.
        height = max(2.0, height) if count else 0.0
        x, y = place * step, _HEIGHT - _FOOT - height
        low, high = histogram.edges[place : place + 2]
        parts.append(
            f"<g><title>{low:g} to {high:g} {escape(histogram.unit)}: {count:,}</title>"
            f'<rect class="field" x="{x:.1f}" y="0" width="{step:.1f}" '
            f'height="{_HEIGHT - _FOOT}"/>'
            f'<rect class="bar" x="{x + 1:.1f}" y="{y:.1f}" width="{step - 2:.1f}" '
            f'height="{height:.1f}" rx="2"/></g>'
        )
        if count == most:
            parts.append(_text(x + step / 2, y - 5, f"{count:,}", "count"))
    parts.append(f'<path class="axis" d="M0 {_HEIGHT - _FOOT}H{_WIDTH}"/>')
    parts += _edge_labels(histogram, step)
    return "".join([*parts, "</svg>"])


def _edge_labels(histogram: Histogram, step: float) -> list[str]:
    every = -(-len(histogram.counts) // _MOST_STEPS)
    last = len(histogram.edges) - 1
    labels: list[str] = []
    for place in range(0, len(histogram.edges), every):
        kind = "start" if place == 0 else "end" if place == last else "middle"
        told = f"{histogram.edges[place]:g}".replace("-", "\u2212")
        labels.append(_text(place * step, _HEIGHT - 6.0, told, kind))
    return labels


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
