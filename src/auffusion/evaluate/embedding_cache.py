"""Features that were computed before, found by the content of the sound they belong to.

An entry is named by the SHA-256 of the decoded samples and lies in a folder of all that decides its
numbers besides: network, weights, front-end, preparation. So a changed file, another checkpoint or
a new front-end never meets an old entry, wherever files are moved. Entries are written whole and
hold their own hash; one that is damaged counts as absent.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from auffusion.errors import InputError
from auffusion.evaluate.extractor import FeatureExtractor, identity
from auffusion.files import write_file

Features = Mapping[str, NDArray[np.float32]]
"""Arrays of one sound by name: [dimension], or [part, dimension]."""

_DIGEST = hashlib.sha256().digest_size


class DamagedEntryError(InputError):
    """An entry of the cache whose bytes are not those that were written."""


def sound_digest(channels: NDArray[np.float32], rate: int) -> str:
    """SHA-256 of a decoded sound.

    Args:
        channels: [channel, time].
        rate: in Hz.
    """
    digest = hashlib.sha256(f"{len(channels)} channels at {rate} Hz\n".encode())
    digest.update(np.ascontiguousarray(channels, "<f4").tobytes())
    return digest.hexdigest()


class EmbeddingCache:
    """Entries in a folder, which may be shared by many runs, at the same time too.

    Args:
        folder: made when the first entry is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, shelf: str, digest: str) -> Features | None:
        """The features of a sound, when they are there.

        Args:
            shelf: whose features, from `shelf_of`.
            digest: of the sound.

        Raises:
            DamagedEntryError: the entry is there, but damaged.
        """
        path = self._path(shelf, digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        content = data[_DIGEST:]
        if hashlib.sha256(content).digest() != data[:_DIGEST]:
            raise DamagedEntryError(f"{path} is damaged: it is computed again")
        return load(content)

    def write(self, shelf: str, digest: str, features: Features) -> None:
        """Keep the features of a sound.

        Raises:
            InputError: the disk is full or the folder may not be written to.
        """
        path = self._path(shelf, digest)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot create {path.parent}: {error.strerror or error}") from error
        content = save({name: np.ascontiguousarray(rows) for name, rows in features.items()})
        write_file(path, hashlib.sha256(content).digest() + content)

    def _path(self, shelf: str, digest: str) -> Path:
        # Some file systems slow down with a hundred thousand files in a folder.
        return self.folder / shelf / digest[:2] / f"{digest}.features"


def shelf_of(extractor: FeatureExtractor) -> str:
    """The folder of an extractor's entries: its name and a hash of its identity."""
    described = json.dumps(identity(extractor), sort_keys=True)
    return f"{extractor.name}-{hashlib.sha256(described.encode()).hexdigest()[:24]}"
