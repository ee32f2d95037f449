r"""Musical Instruments: 2,629 sounds of guitar, drums, violin and piano to train, 80 to test.

Published at https://www.kaggle.com/datasets/soumendraprasad/musical-instruments-sound-dataset:
`Metadata_Train.csv` and `Metadata_Test.csv` with the columns `FileName, Class` and lines that end
in CRLF, the sounds in `Train_submission/Train_submission` and `Test_submission/Test_submission`
(names with spaces and brackets; WAV). Lists of two versions were compared, as they stand in
https://github.com/mhddkaa/Musical-Instruments-Sound-Recognition (folder `Dataset`, as published)
and https://github.com/nukkk97/instrument_classification (corrected by its author).

Known faults of the published lists, and what is done here:
- The 700 rows of `Sound_Violin` name the 700 files of `Sound_Drum` again, and no row names the
  violins. The first row of a file stands; later ones are rejects. Files that no row names are
  violins where their names say so (`violin_sound (12).wav`, `Vn-ord-C5-pp-2c.wav`,
  `0_emil-telmanyi_bwv1001.wav`: this tells all 700 and no other file), and `unlisted` in `extra`;
  others are rejects.
- `loop-16247.wav` is a drum, a violin and a piano. It is taken as the first.
- The test list spells `Sound_Guiatr`; it is read as `Sound_Guitar`.

The files were collected from other sets and sites (IDMT-SMT-Guitar, IDMT-SMT-Drums, TinySOL, Bach's
partitas, loops of Pixabay) and have many rates and lengths; one is reported as damaged. Which
encodings they have, and under what terms they stand, could not be confirmed: no licence is told.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from auffusion.data.label_captions import captions_of
from auffusion.data.listing import (
    DataSet,
    Listed,
    Listing,
    Reason,
    Reject,
    clip_key,
    left_out,
    missing,
)
from auffusion.data.published import find_published
from auffusion.data.tables import csv_rows, inside, sound_index
from auffusion.errors import InputError

_LAYOUT = (
    "Metadata_Train.csv, Metadata_Test.csv, Train_submission and Test_submission of "
    "https://www.kaggle.com/datasets/soumendraprasad/musical-instruments-sound-dataset"
)
_PARTS = {"train": "Train", "test": "Test"}
_MISSPELT = {"Sound_Guiatr": "Sound_Guitar"}
_VIOLIN = re.compile(r"violin|^v[an]-ord-|_bwv\d", re.IGNORECASE)
_VIOLIN_CLASS = "Sound_Violin"


def _read(source: Path, _work: Path) -> Listing:
    # Both must be there before the first clip is made.
    parts = {split: _Part(source, split, name) for split, name in _PARTS.items()}
    for part in parts.values():
        yield from part.listed()
        yield from part.unlisted()


class _Part:
    """The list and the folder of one split."""

    def __init__(self, source: Path, split: str, name: str) -> None:
        self._source = source
        self._split = split
        self._list = find_published(source, (f"Metadata_{name}.csv",), _LAYOUT)
        self._folder = find_published(source, (f"{name}_submission",), _LAYOUT)
        self._sounds = sound_index(self._folder, key=lambda path: path.name)
        self._classes: dict[str, str] = {}

    def listed(self) -> Iterator[Listed | Reject]:
        """The clips that the rows of the list name."""
        for row in csv_rows(self._list, ("FileName", "Class")):
            if isinstance(row, Reject):
                yield row
            else:
                place, cells = row
                yield self._clip(place, cells["FileName"], cells["Class"])

    def unlisted(self) -> Iterator[Listed | Reject]:
        """The clips that no row names."""
        for name in sorted(self._sounds.keys() - self._classes.keys()):
            if _VIOLIN.search(name):
                yield self._made(name, _VIOLIN_CLASS, unlisted=True)
            else:
                yield left_out(
                    self._named(name),
                    Reason.CAPTION,
                    f"no row of {self._list.name} names it",
                    source=self._named(name),
                )

    def _clip(self, place: str, name: str, told: str) -> Listed | Reject:
        source = self._named(name)
        if inside(self._folder, name) is None:
            return left_out(place, Reason.PATH, f"{name!r} is no file name", source=name)
        label = _MISSPELT.get(told, told)
        if name in self._classes:
            fault = f"{name} is {label} here and {self._classes[name]} in an earlier row"
            return left_out(place, Reason.REPEATED, fault, source=source)
        try:
            captions_of("musical-instruments", label)
        except InputError as error:
            return left_out(place, Reason.CAPTION, str(error), source=source)
        self._classes[name] = label
        if name not in self._sounds:
            return missing(self._key(name), source, f"{place} lists it")
        return self._made(name, label, unlisted=False)

    def _made(self, name: str, label: str, *, unlisted: bool) -> Listed:
        source = self._named(name)
        return Listed(
            key=self._key(name),
            file=self._source / source,
            source=source,
            captions=captions_of("musical-instruments", label),
            split=self._split,
            labels=(label,),
            extra={"unlisted": True} if unlisted else {},
        )

    def _named(self, name: str) -> str:
        """The file as the manifest names it, be it there or not."""
        return f"{self._folder.name}/{self._sounds.get(name, f'{self._folder.name}/{name}')}"

    def _key(self, name: str) -> str:
        return clip_key(self._split, PurePosixPath(name).stem)


MUSICAL_INSTRUMENTS = DataSet(
    name="musical-instruments",
    title="Music Instruments",
    about="2,700 sounds of guitar, drums, violin and piano.",
    homepage="https://www.kaggle.com/datasets/soumendraprasad/musical-instruments-sound-dataset",
    license="unknown",
    layout=_LAYOUT,
    read=_read,
)
