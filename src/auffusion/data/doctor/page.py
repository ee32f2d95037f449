"""A report as one page for people: no scripts, nothing from elsewhere, all text inert."""

from collections.abc import Iterable, Sequence
from html import escape

from auffusion.data.doctor.faults import Fault, Severity
from auffusion.data.doctor.histogram_picture import histogram_picture
from auffusion.data.doctor.report import Example, Report, Share, told_length

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
h2 { font-size: 1.05rem; margin: 0 0 .8rem; }
.under { color: var(--faint); margin: .2rem 0 1.4rem; }
section { background: var(--sheet); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.1rem 1.3rem; margin: 0 0 1.1rem; overflow-x: auto; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem; }
.numbers b { display: block; font-size: 1.7rem; font-weight: 600; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.numbers span { color: var(--faint); }
.meter { display: flex; gap: 2px; height: 10px; margin-top: 1.1rem; border-radius: 5px;
  overflow: hidden; background: var(--line); }
.meter i { display: block; min-width: 3px; }
.good { color: var(--good); } .warning { color: var(--warn); } .error { color: var(--bad); }
i.good { background: var(--good); } i.warning { background: var(--warn); }
i.error { background: var(--bad); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: var(--faint); font-weight: 500; font-size: .87rem; }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.text { overflow-wrap: anywhere; min-width: 8rem; }
tbody tr:hover { background: var(--hover); }
.mark { border: 1px solid currentColor; border-radius: 99px; padding: 0 .55rem; font-size: .8rem;
  white-space: nowrap; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr));
  gap: 1.2rem; }
figure { margin: 0; } figcaption { color: var(--faint); font-size: .87rem; margin-bottom: .3rem; }
svg { width: 100%; height: auto; display: block; }
.field { fill: transparent; } g:hover .field { fill: var(--hover); }
.bar { fill: var(--bar); } .axis { stroke: var(--line); }
svg text { fill: var(--faint); font-size: 11px; text-anchor: middle; }
svg text.start { text-anchor: start; } svg text.end { text-anchor: end; }
svg text.count { fill: var(--ink); }
details { border-top: 1px solid var(--line); padding: .6rem 0; }
details:first-of-type { border-top: 0; }
summary { cursor: pointer; font-weight: 500; } summary small { color: var(--faint);
  font-weight: 400; }
details table { margin-top: .5rem; table-layout: fixed; }
details th:nth-child(1) { width: 16%; } details th:nth-child(2) { width: 19%; }
details th:nth-child(3) { width: 32%; }
.place { color: var(--faint); overflow-wrap: anywhere; }
footer { color: var(--faint); font-size: .87rem; }
@media print { body { background: none; } section { break-inside: avoid; } }
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def report_page(report: Report) -> str:
    """The page as HTML."""
    body = [
        _numbers(report),
        _faults(report),
        _hours("Splits", "split", report.splits),
        _pictures(report),
        _hours("Licences", "licence", report.licenses),
        _held(report),
        _examples(report),
    ]
    sections = "\n".join(f"<section>{one}</section>" for one in body if one)
    looked = "rows and sounds" if report.checks.sounds else "rows only, no sound was opened"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_inert(report.name)}: check</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<main>\n<h1>{_safe(report.name)}</h1>\n"
        f'<p class="under">Check of the data set: {looked}</p>\n{sections}\n'
        "<footer>All findings are in findings.jsonl, what is rejected and why in rejects.jsonl, "
        "the other rows in clean.jsonl.</footer>\n</main>\n</body>\n</html>\n"
    )


def _numbers(report: Report) -> str:
    clean = report.rows - report.rejected
    hours = sum((one.hours for one in report.splits), 0.0)
    told = (
        (f"{report.rows:,}", "rows", ""),
        (f"{clean:,}", "clean", "good"),
        (f"{report.warned:,}", "of them with warnings", "warning" if report.warned else ""),
        (f"{report.rejected:,}", f"rejected ({report.bad_fraction:.2%})", "error"),
        (told_length(hours), "of sound", ""),
    )
    cells = "".join(
        f'<div><b class="{kind}">{n}</b><span>{of}</span></div>' for n, of, kind in told
    )
    parts = (
        (clean - report.warned, "good"),
        (report.warned, "warning"),
        (report.rejected, "error"),
    )
    meter = "".join(f'<i class="{kind}" style="flex:{n}"></i>' for n, kind in parts if n)
    return f'<div class="numbers">{cells}</div><div class="meter">{meter}</div>'


def _faults(report: Report) -> str:
    if not report.faults:
        return '<h2>Faults</h2><p class="good">None were found.</p>'
    rows = [
        [
            f'<td class="text">{_safe(fault.told)}</td>',
            f"<td>{_mark(report, fault)}</td>",
            _number(f"{count:,}"),
            _number(f"{count / report.rows:.2%}"),
            f'<td class="text">{_safe(report.examples[fault][0].detail)}</td>',
        ]
        for severity in Severity
        for fault, count in report.faults.items()
        if report.severity(fault) is severity
    ]
    head = '<th>fault</th><th>means</th><th class="number">rows</th><th class="number">share</th>'
    return f"<h2>Faults</h2>{_table(f'{head}<th>the first</th>', rows)}"


def _mark(report: Report, fault: Fault) -> str:
    severity = report.severity(fault)
    told = "rejected" if severity is Severity.ERROR else "warning"
    return f'<span class="mark {severity.value}">{told}</span>'


def _hours(title: str, column: str, shares: Sequence[Share]) -> str:
    rows = [
        [
            f'<td class="text">{_safe(one.name)}</td>',
            _number(f"{one.rows:,}"),
            _number(told_length(one.hours)),
            _number(f"{one.clean_rows:,}"),
            _number(told_length(one.clean_hours)),
        ]
        for one in shares
    ]
    heads = ("rows", "length", "clean rows", "clean length")
    head = f"<th>{column}</th>" + "".join(f'<th class="number">{one}</th>' for one in heads)
    return f"<h2>{title}</h2>{_table(head, rows)}" if rows else ""


def _pictures(report: Report) -> str:
    if not report.histograms:
        return ""
    figures = "".join(
        f"<figure><figcaption>{_safe(one.title)}, {_safe(one.unit)}</figcaption>"
        f"{histogram_picture(one)}</figure>"
        for one in report.histograms
    )
    return f'<h2>{report.opened:,} sounds</h2><div class="pictures">{figures}</div>'


def _held(report: Report) -> str:
    rows = [
        [f'<td class="text">{_safe(one.name)}</td>', _number(f"{one.rows:,}"),
         _number(f"{one.opened:,}")]
        for one in report.held
    ]  # fmt: skip
    head = '<th>set</th><th class="number">rows</th><th class="number">sounds opened</th>'
    return f"<h2>Held against</h2>{_table(head, rows)}" if rows else ""


def _examples(report: Report) -> str:
    parts = [
        f'<details open><summary><span class="{report.severity(fault).value}">'
        f"{_safe(fault.told)}</span> <small>{len(examples)} of {report.faults[fault]:,}</small>"
        f"</summary>{_example_table(examples)}</details>"
        for fault, examples in report.examples.items()
    ]
    return f"<h2>Examples</h2>{''.join(parts)}" if parts else ""


def _example_table(examples: Iterable[Example]) -> str:
    rows = [
        [
            f'<td class="place">{_safe(one.place)}</td>',
            f'<td class="text">{_safe(one.id)}</td>',
            f'<td class="text">{_safe(one.caption)}</td>',
            f'<td class="text">{_safe(one.detail)}</td>',
        ]
        for one in examples
    ]
    return _table("<th>place</th><th>row</th><th>caption</th><th>what is wrong</th>", rows)


def _table(head: str, rows: Iterable[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _number(text: str) -> str:
    return f'<td class="number">{text}</td>'


def _safe(text: str) -> str:
    """A text of the data set, in its own direction."""
    return f"<bdi>{_inert(text)}</bdi>"


def _inert(text: str) -> str:
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return escape("".join(letter if letter.isprintable() else "\ufffd" for letter in short))
