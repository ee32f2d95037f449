"""Two folders matched by name: nothing is replaced, and what is missing is said."""

import numpy as np
import pytest
import soundfile as sf

from auffusion.errors import InputError
from auffusion.evaluate.pairing import list_hash, list_sounds, pair


@pytest.fixture
def folder(tmp_path):
    """Make a folder of short tones of these file names."""

    def make(name, *files):
        place = tmp_path / name
        place.mkdir()
        for number, file in enumerate(files):
            tone = 0.1 * np.sin(np.arange(1_600) * 0.1 * (number + 1))
            sf.write(place / file, tone, 16_000)
        return place

    return make


def test_clips_are_matched_by_name_whatever_their_ending_and_order(folder):
    reference = list_sounds(folder("real", "b.wav", "a.wav", "c.flac"))
    generated = list_sounds(folder("made", "c.wav", "a.flac", "b.ogg"))
    found = pair(generated, reference)
    assert found.reference.names == found.generated.names == ("a", "b", "c")
    assert (found.missing, found.extra, found.paired) == ((), (), True)
    assert found.generated.sounds[1].info.container == "OGG"


def test_a_slash_at_the_end_of_a_folder_changes_nothing(folder):
    place = folder("made", "a.wav")
    assert list_sounds(type(place)(f"{place}/")) == list_sounds(place)


def test_what_is_no_sound_is_left_aside_and_told(folder):
    place = folder("made", "a.wav", "b.wav")
    (place / "notes.txt").write_text("x")
    (place / "madeclassifier_logits_feature_cache.npy").write_bytes(b"x")
    (place / "more").mkdir()
    (place / "folder.wav").mkdir()
    (place / "._a.wav").write_bytes(b"macOS")
    found = list_sounds(place)
    assert found.names == ("a", "b")
    assert found.ignored == (
        "._a.wav",
        "folder.wav",
        "madeclassifier_logits_feature_cache.npy",
        "more",
        "notes.txt",
    )


def test_a_missing_clip_is_an_error_until_it_is_allowed(folder):
    reference = list_sounds(folder("real", "a.wav", "b.wav", "c.wav"))
    generated = list_sounds(folder("made", "a.wav", "c.wav", "d.wav"))
    wanted = (
        r"1 clips of \S+real have no generated one \(b\) and 1 of \S+made have no reference \(d\): "
        r"complete both, or leave them out of all scores with --allow-missing 2"
    )
    for allowed in (0, 1):
        with pytest.raises(InputError, match=wanted):
            pair(generated, reference, allow_missing=allowed)
    found = pair(generated, reference, allow_missing=2)
    assert found.reference.names == found.generated.names == ("a", "c")
    assert (found.missing, found.extra) == (("b",), ("d",))


def test_two_sides_without_a_common_name_are_refused_however_much_is_allowed(folder):
    reference = list_sounds(folder("real", "a.wav"))
    generated = list_sounds(folder("made", "x.wav"))
    with pytest.raises(InputError, match="no name is in both"):
        pair(generated, reference, allow_missing=99)
    apart = pair(generated, reference, paired=False)
    assert (apart.reference.names, apart.generated.names) == (("a",), ("x",))


def test_an_unreadable_file_stops_and_is_not_replaced_by_the_next(folder):
    place = folder("made", "a.wav", "b.wav", "c.wav")
    (place / "b.wav").write_bytes(b"RIFF....WAVEfmt no")
    with pytest.raises(
        InputError, match=r"1 of 3 files of \S+ cannot be read, and no other takes .*b\.wav"
    ):
        list_sounds(place)


def test_a_sound_of_a_kind_that_is_not_read_is_told_and_not_passed_over(folder):
    place = folder("made", "a.wav")
    (place / "b.m4a").write_bytes(b"....ftypM4A ")
    with pytest.raises(InputError, match=r"b\.m4a is not a WAV, FLAC, OGG or MP3 file"):
        list_sounds(place)


def test_two_files_of_one_name_are_refused(folder):
    with pytest.raises(InputError, match=r"1 names twice, such as a\.flac and a\.wav"):
        list_sounds(folder("made", "a.wav", "a.flac", "b.wav"))


def test_a_text_file_names_sounds_beside_it(folder, tmp_path):
    folder("made", "a.wav", "b.wav", "c.wav")
    (tmp_path / "list.txt").write_text("made/c.wav\n\nmade/a.wav\n", encoding="utf-8-sig")
    assert list_sounds(tmp_path / "list.txt").names == ("a", "c")
    (tmp_path / "bad.txt").write_text("made/z.wav\n")
    with pytest.raises(InputError, match=r"1 of 1 files .* cannot be read.*z\.wav"):
        list_sounds(tmp_path / "bad.txt")
    (tmp_path / "latin.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="not UTF-8"):
        list_sounds(tmp_path / "latin.txt")


@pytest.mark.parametrize("name", ["nowhere", "nowhere.txt"])
def test_no_folder_and_no_list_are_told(tmp_path, name):
    with pytest.raises(InputError, match=f"cannot read .*{name}: No such file"):
        list_sounds(tmp_path / name)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no sound: expected \.wav"):
        list_sounds(tmp_path)


def test_lists_that_differ_have_different_hashes():
    hashes = {
        list_hash(names) for names in ([], ["a"], ["a", "b"], ["b", "a"], ["ab"], ["a\udcff"])
    }
    assert len(hashes) == 6
