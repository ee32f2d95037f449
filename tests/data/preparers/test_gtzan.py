from pathlib import Path

import pytest
import soundfile

from auffusion.data.listing import Listed, Reason, Reject
from auffusion.data.preparers.gtzan import GTZAN
from auffusion.errors import InputError

GENRES = "blues classical country disco hiphop jazz metal pop reggae rock".split()  # noqa: SIM905

THERE = {
    ("blues", 0): "guitar",
    ("disco", 98): "drums",
    ("hiphop", 99): "vinyl",
    ("jazz", 54): "bell",
    ("reggae", 86): "roll",
    ("rock", 99): "printer",
}
CAPTIONS = {
    "blues": ("a piece of blues music", "blues music playing"),
    "disco": ("a piece of disco music", "disco music playing"),
    "hiphop": ("a piece of hip hop music", "hip hop music playing"),
    "jazz": ("a piece of jazz music", "jazz music playing"),
    "reggae": ("a piece of reggae music", "reggae music playing"),
    "rock": ("a piece of rock music", "rock music playing"),
}
FAULTY = {("disco", 98), ("reggae", 86)}

EXPECTED = tuple(f"{genre}-{number:05d}" for genre, number in THERE)
"""The keys of the clips that are there, in order."""


def listed(root, suffix):
    return [
        Listed(
            key=f"{genre}-{number:05d}",
            file=Path(root, genre, f"{genre}.{number:05d}{suffix}"),
            source=f"{root}/{genre}/{genre}.{number:05d}{suffix}".removeprefix("./"),
            captions=CAPTIONS[genre],
            split="train",
            labels=(genre,),
            extra={"faulty": True} if (genre, number) in FAULTY else {},
        )
        for genre, number in THERE
    ]


def imitate(folder, sound, root="genres", suffix=".au"):
    for (genre, number), name in THERE.items():
        path = folder / root / genre / f"{genre}.{number:05d}{suffix}"
        sound(path, name, seconds=30.0, rate=22_050)
    # The archive has leftovers of its making.
    (folder / root / "bextract_single.mf").write_text("blues.mf\tblues\n", encoding="utf-8")


def test_the_listing_is_what_the_archive_holds(tmp_path, sound, listing_of):
    imitate(tmp_path, sound)
    found = listing_of(GTZAN, tmp_path)
    assert [one for one in found if isinstance(one, Listed)] == listed("genres", ".au")
    rejects = [one for one in found if isinstance(one, Reject)]
    assert len(found) == 1000
    assert {one.reason for one in rejects} == {Reason.MISSING}
    assert rejects[0] == Reject(
        key="blues-00001",
        source="genres/blues/blues.00001.au",
        reason=Reason.MISSING,
        detail="genres/blues/blues.00001.au is not there: nor is it there as WAV",
    )


def test_the_imitation_is_sun_audio_of_16_bits(tmp_path, sound):
    imitate(tmp_path, sound)
    info = soundfile.info(tmp_path / "genres/jazz/jazz.00054.au")
    assert (info.format, info.subtype, info.samplerate) == ("AU", "PCM_16", 22_050)


@pytest.mark.parametrize("root", ["Data/genres_original", "genres_original", "."])
def test_the_copy_at_kaggle_is_read(tmp_path, sound, listing_of, root):
    imitate(tmp_path, sound, root, ".wav")
    # A copy of it is damaged: that is for the decoder to find out.
    damaged = tmp_path / root / "jazz/jazz.00054.wav"
    damaged.write_bytes(b"\x00" * 1000)
    found = [one for one in listing_of(GTZAN, tmp_path) if isinstance(one, Listed)]
    assert found == listed(root, ".wav")


def test_the_original_is_taken_where_a_copy_stands_beside_it(tmp_path, sound, listing_of):
    imitate(tmp_path, sound)
    imitate(tmp_path, sound, suffix=".wav")
    found = [one for one in listing_of(GTZAN, tmp_path) if isinstance(one, Listed)]
    assert found == listed("genres", ".au")


def test_70_excerpts_are_marked_as_faulty(tmp_path, listing_of):
    numbers = [(genre, number) for genre in GENRES for number in range(100)]
    for genre, number in numbers:
        path = tmp_path / "genres" / genre / f"{genre}.{number:05d}.au"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = listing_of(GTZAN, tmp_path)
    assert [one.key for one in found] == [f"{genre}-{number:05d}" for genre, number in numbers]
    assert sum("faulty" in one.extra for one in found) == 70


def test_another_folder_is_refused(tmp_path, listing_of):
    with pytest.raises(InputError, match=r"holds no folders blues, classical, .*; expected: the"):
        listing_of(GTZAN, tmp_path)
