"""The scores of a system on a list, measured again only when what decides them changed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from auffusion.errors import InputError
from auffusion.evaluate.evaluating import Conditions, Means, evaluate
from auffusion.evaluate.extractor import identity
from auffusion.evaluate.protocol import NamedProtocol
from auffusion.evaluate.result import Result, read_result
from auffusion.evaluate.scoring import Certainty
from auffusion.evaluate.weights import file_sha256
from auffusion.files import make_folder, write_file
from auffusion.recipes.tables.items import Item, captions_of


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """How all systems of a table are measured."""

    protocol: NamedProtocol
    """What is computed."""
    certainty: Certainty
    """How intervals are made."""
    means: Means
    """Networks, cache, and who does the work."""

    def result(
        self, generated: Path, recordings: Path, items: Sequence[Item], *, controls: bool
    ) -> "Measurement":
        """A measurement of one system on one list.

        Args:
            generated: folder of its sounds.
            recordings: folder of the recordings.
            items: what was asked for.
            controls: whether controls are measured too.
        """
        conditions = Conditions(
            captions=captions_of(items), controls=controls, certainty=self.certainty
        )
        return Measurement(
            how=self,
            generated=_listed(generated, items),
            recordings=_listed(recordings, items),
            conditions=conditions,
        )


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One system on one list."""

    how: Measuring
    """All that is the same for other systems."""
    generated: Path
    """List of its sounds."""
    recordings: Path
    """List of the recordings."""
    conditions: Conditions
    """Captions, controls, intervals."""

    def at(self, path: Path, system: str) -> Result:
        """The result in a file, measured if it is not there or was measured of something else.

        Args:
            path: of the result; beside it stands what it was measured of.
            system: its title in tables.

        Raises:
            InputError: as for `evaluate`.
        """
        key, mark = self._key(), path.with_suffix(".key")
        if path.is_file() and mark.is_file() and mark.read_bytes() == key:
            return replace(read_result(path), system=system)
        conditions = replace(self.conditions, system=system)
        found = evaluate(
            self.generated, self.recordings, self.how.protocol, self.how.means, conditions
        )
        make_folder(path.parent)
        found.write(path)
        # Last: a result without its mark is measured again.
        write_file(mark, key)
        return found

    def _key(self) -> bytes:
        """All that decides the result: sounds, captions, networks, scores, draws, version."""
        load = self.how.means.load
        decisive = {
            "version": version("auffusion"),
            "protocol": [self.how.protocol.sha256, [s.name for s in self.how.protocol.scores]],
            "extractors": {name: identity(load(name)) for name in self.how.protocol.extractors},
            "captions": self.conditions.captions,
            "certainty": asdict(self.conditions.certainty),
            "controls": self.conditions.controls,
            "sounds": [_content(self.generated), _content(self.recordings)],
        }
        return f"{hashlib.sha256(json.dumps(decisive).encode()).hexdigest()}\n".encode()


def _listed(folder: Path, items: Sequence[Item]) -> Path:
    """A list of the items' files: what else lies in the folder, from other runs, does not count."""
    path = folder.parent / f"{folder.name}.txt"
    lines = "".join(f"{folder.name}/{item.name}.wav\n" for item in items)
    if not path.is_file() or path.read_text(encoding="utf-8") != lines:
        write_file(path, lines.encode())
    return path


def _content(listed: Path) -> str:
    digest = hashlib.sha256()
    for line in listed.read_text(encoding="utf-8").splitlines():
        try:
            digest.update(f"{line} {file_sha256(listed.parent / line)}\n".encode())
        except OSError as error:
            raise InputError(
                f"cannot read {listed.parent / line}: {error.strerror or error}"
            ) from error
    return digest.hexdigest()
