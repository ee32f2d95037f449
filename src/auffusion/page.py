"""HTML pages that need nothing from elsewhere: one file, no request, all text inert."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

_LONGEST = 200

_STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --sheet: #ffffff; --ink: #1c2430;
  --faint: #667085; --line: #dfe3e9; --good: #2e8b64; --warn: #b7791f; --bad: #c2413b;
  --bar: #3f6fb5; --hover: #eef2f8; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --sheet: #1a2029; --ink: #e4e8ee;
  --faint: #97a1b0; --line: #2d3540; --good: #4fb98b; --warn: #e0a84a; --bad: #ef7b74;
  --bar: #78a5e6; --hover: #222a35; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem 4rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 .8rem; overflow-wrap: anywhere; }
.under { color: var(--faint); margin: .2rem 0 1.4rem; }
section { background: var(--sheet); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.1rem 1.3rem; margin: 0 0 1.1rem; overflow-x: auto; }
.good { color: var(--good); } .warning { color: var(--warn); } .error { color: var(--bad); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: var(--faint); font-weight: 500; font-size: .87rem; }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.text { overflow-wrap: anywhere; min-width: 8rem; }
tbody tr:hover { background: var(--hover); }
footer { color: var(--faint); font-size: .87rem; }
@media print { body { background: none; } section { break-inside: avoid; } }
"""


def page(
    title: str,
    body: str,
    *,
    under: str = "",
    footer: str = "",
    style: str = "",
    script: str = "",
    heading: str | None = None,
) -> str:
    """A whole page, whose policy forbids every request and every script but its own.

    Args:
        title: of the window; made inert here.
        body: HTML of its sections.
        under: a line below the heading, as HTML.
        footer: the last line, as HTML.
        style: CSS besides that of all pages.
        script: JavaScript of the page.
        heading: the first line, made inert here; None is the title.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(body, script)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{inert(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n"
        f"<main>\n<h1>{safe(title if heading is None else heading)}</h1>\n"
        f'<p class="under">{under}</p>\n{body}\n'
        f"<footer>{footer}</footer>\n</main>\n"
        f"{f'<script>{script}</script>' if script else ''}</body>\n</html>\n"
    )


def _policy(body: str, script: str) -> str:
    rules = ["default-src 'none'", "style-src 'unsafe-inline'"]
    if 'src="data:' in body:
        rules += ["img-src data:", "media-src data:"]
    if script:
        # Named by its hash, so that no script in a prompt or a file name could ever run.
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        rules.append(f"script-src 'sha256-{digest}'")
    return "; ".join(rules)


def data_uri(kind: str, content: bytes) -> str:
    """A file as an address within the page.

    >>> data_uri("text/plain", b"hi")
    'data:text/plain;base64,aGk='
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def table(head: str, rows: Iterable[Sequence[str]]) -> str:
    """A table of ready cells.

    Args:
        head: cells of the first row, as HTML.
        rows: cells of the others, as HTML.
    """
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def number(text: str) -> str:
    """A cell with a number."""
    return f'<td class="number">{text}</td>'


def safe(text: str) -> str:
    """A text from elsewhere, in its own direction."""
    return f"<bdi>{inert(text)}</bdi>"


def inert(text: str) -> str:
    """A text that is nothing but text: no markup, nothing that does not print, not too long.

    >>> inert("<b>rain</b>")
    '&lt;b&gt;rain&lt;/b&gt;'
    """
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return escape("".join(letter if letter.isprintable() else "\ufffd" for letter in short))
