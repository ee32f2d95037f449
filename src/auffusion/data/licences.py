"""Licences by the address of their text."""

import re

_CREATIVE_COMMONS = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/([a-z+-]+)/(\d\.\d)/?"
)
_OTHERS = {"zero": "CC0", "mark": "CC-PDM", "sampling+": "LicenseRef-CC-Sampling-Plus"}
_KINDS = frozenset({"by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd"})


def license_at(url: str) -> str:
    """The SPDX identifier of one of Creative Commons' licences; `unknown` at other addresses.

    Sampling Plus, which https://spdx.org/licenses/ does not list, has a name of its own.

    >>> license_at("http://creativecommons.org/licenses/by-nc/3.0/")
    'CC-BY-NC-3.0'
    >>> license_at("http://creativecommons.org/licenses/sampling+/1.0/"), license_at("NA")
    ('LicenseRef-CC-Sampling-Plus-1.0', 'unknown')
    """
    found = _CREATIVE_COMMONS.match(url.strip().lower())
    if found is None:
        return "unknown"
    kind, version = found.groups()
    if kind in _KINDS:
        return f"CC-{kind.upper()}-{version}"
    return f"{_OTHERS[kind]}-{version}" if kind in _OTHERS else "unknown"
