"""Versions of the software that a score may depend on."""

import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("auffusion", "numpy", "torch", "transformers", "soundfile", "soxr", "scipy")


def software_versions() -> dict[str, str]:
    """Of Python and of each package that is installed.

    >>> sorted(software_versions())[:3]
    ['auffusion', 'numpy', 'python']
    """
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
