"""GTZAN: 1,000 excerpts of half a minute, 100 to each of ten genres of music.

Published as `genres.tar.gz` at http://marsyas.info/downloads/datasets.html (mirror:
http://opihi.cs.uvic.ca/sound/genres.tar.gz): `genres/blues/blues.00000.au` to `genres/rock/
rock.00099.au`, Sun AU with 16-bit integers, 22,050 Hz mono. Kaggle's copy
(andradaolteanu/gtzan-dataset-music-genre-classification) has `Data/genres_original/blues/
blues.00000.wav`, with the `jazz.00054.wav` damaged: no RIFF header
(https://github.com/yashpatel-07/cs5661-dsproject-gtzan-music-genre-classification); the AU file is
whole. Where both are there, the AU file is taken. There is no list: the names are it.

There is no split: all is for training here. B. Sturm found out what the excerpts are and what is
wrong with them (https://arxiv.org/abs/1306.1461): exact repetitions, excerpts of one recording,
wrong labels, distortions. The "fault-filtered" partition of Kereliuk et al. (2015) leaves 70
excerpts out (https://github.com/coreyker/dnn-mgr, `gtzan/*_filtered.txt`): these are listed here
too, with `faulty` in `extra`. Excerpts that are only said to have a wrong label are not marked.

No licence is told, and neither titles nor artists: the excerpts are of published recordings.
"""

from collections.abc import Iterator
from pathlib import Path

from auffusion.data.label_captions import captions_of, labels_of
from auffusion.data.listing import DataSet, Listed, Listing, Reject, clip_key, missing
from auffusion.data.tables import sound_index
from auffusion.errors import InputError

_LAYOUT = (
    "the folder genres of genres.tar.gz (http://marsyas.info/downloads/datasets.html), or "
    "Data/genres_original of Kaggle's copy"
)
_ROOTS = ("genres", "Data/genres_original", "genres_original", ".")
_EACH = 100
_FAULTY = {
    "classical": (42,),
    "country": (8, 52),
    "disco": (38, 50, 51, 55, 60, 71, 98),
    "hiphop": (1, 39, 46, 47, 48, 49, 50, 76),
    "jazz": (33, 34, 35, 36, 37, 38, 39, 40, 42, 43, 44, 45, 46),
    "metal": (4, 34, 40, 41, 42, 43, 44, 45, 58),
    "pop": (15, 21, 22, 30, 37, 45, 47, 48, 51, 52, 54, 56, 57, 67, 68, 87),
    "reggae": (3, 5, 7, 8, 10, 13, 33, 41, 73, 75, 80, 81, 86, 91),
}


def _read(source: Path, _work: Path) -> Listing:
    genres = labels_of("gtzan")
    roots = (source / root for root in _ROOTS)
    root = next((one for one in roots if any((one / genre).is_dir() for genre in genres)), None)
    if root is None:
        raise InputError(f"{source} holds no folders {', '.join(genres)}; expected: {_LAYOUT}")
    for genre in genres:
        yield from _genre(source, root / genre, genre)


def _genre(source: Path, folder: Path, genre: str) -> Iterator[Listed | Reject]:
    sounds = sound_index(folder)
    for number in range(_EACH):
        name = f"{genre}.{number:05d}"
        key = clip_key(genre, f"{number:05d}")
        if name not in sounds:
            wanted = (folder / f"{name}.au").relative_to(source).as_posix()
            yield missing(key, wanted, "nor is it there as WAV")
            continue
        file = folder / sounds[name]
        yield Listed(
            key=key,
            file=file,
            source=file.relative_to(source).as_posix(),
            captions=captions_of("gtzan", genre),
            split="train",
            labels=(genre,),
            extra={"faulty": True} if number in _FAULTY.get(genre, ()) else {},
        )


GTZAN = DataSet(
    name="gtzan",
    title="GTZAN",
    about="1,000 excerpts of half a minute of ten genres of music.",
    homepage="http://marsyas.info/downloads/datasets.html",
    license="unknown",
    layout=_LAYOUT,
    read=_read,
)
