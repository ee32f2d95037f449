"""Each format is written here from its published layout, by code that shares nothing with ours."""

import gzip
import io
import random
import struct
import wave
import zipfile
import zlib

import numpy as np
import pytest
import soundfile

from auffusion.data.containers import is_container, open_container, openttd_names
from auffusion.errors import InputError


def riff(value=1000, samples=40):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(struct.pack("<h", value) * samples)
    return buffer.getvalue()


def make_zip(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def make_rcc(files, version=3):
    """Nodes breadth first, so that the children of each stand together; names in z are packed."""
    root = {}
    for path, content in files.items():
        *folders, name = path.split("/")
        place = root
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = content
    nodes, names, blobs = [("", root)], b"", b""
    first, position = {}, 0
    while position < len(nodes):
        if isinstance(nodes[position][1], dict):
            first[position] = len(nodes)
            nodes += nodes[position][1].items()
        position += 1
    tree = b""
    for index, (name, content) in enumerate(nodes):
        at = len(names) if index else 0
        if index:
            names += struct.pack(">HI", len(name), 7) + name.encode("utf-16-be")
        if isinstance(content, dict):
            tree += struct.pack(">IHII", at, 2, len(content), first[index])
        else:
            packed = name.endswith("z")
            body = struct.pack(">I", len(content)) + zlib.compress(content) if packed else content
            tree += struct.pack(">IHHHI", at, int(packed), 0, 0, len(blobs))
            blobs += struct.pack(">I", len(body)) + body
        tree += b"" if version == 1 else struct.pack(">Q", 1_700_000_000_000)
    offsets = 20, 20 + len(tree), 20 + len(tree) + len(blobs)
    return struct.pack(">4s4i", b"qres", version, *offsets) + tree + blobs + names


def make_cat(entries):
    table, body = b"", b""
    for name, content in entries:
        offset = 8 * len(entries) + len(body)
        table += struct.pack("<II", offset | 0x80000000, len(content))
        body += struct.pack("B", len(name) + 1) + name.encode("latin-1") + b"\0" + content
    return table + body


def make_group(files):
    header = bytearray(204)
    header[:24] = b"RedWolf Design GrpFolder"
    header[36:40] = struct.pack("<i", len(files))
    for i in range(0, 202, 3):
        header[i], header[i + 2] = header[i + 2], header[i]
    scrambled = bytes(byte ^ 0xED for byte in header)
    entries, body = b"", b""
    for name, content in files.items():
        nested = isinstance(content, dict)
        content = make_group(content) if nested else content
        entry = name.encode().ljust(260, b"\0")
        entry += struct.pack("<5i", 0, int(nested), len(content), 0, len(body))
        entries += entry.ljust(316, b"\0")
        body += content
    return scrambled + entries + body


def make_ocg(files):
    return b"\x1e\x8c" + gzip.compress(make_group(files))[2:]


def make_wad(lumps):
    body, directory = b"", b""
    for name, content in lumps.items():
        directory += struct.pack("<ii8s", 12 + len(body), len(content), name.encode())
        body += content
    return struct.pack("<4sii", b"IWAD", len(lumps), 12 + len(body)) + body + directory


def doom_lump(levels, rate=11025):
    data = bytes(16) + bytes(levels) + bytes(16)
    return struct.pack("<HHI", 3, rate, len(data)) + data


SOUND = riff()
SAMPLES = {
    "a.pk3": make_zip({"sound/bark.wav": SOUND, "readme.txt": b"words"}),
    "a.rcc": make_rcc({"x/bark.wav": SOUND, "x/meow.oggz": b"m" * 99, "top.txt": b"t"}),
    "a.cat": make_cat([("One", SOUND), ("Two", riff(5))]),
    "a.ocg": make_ocg({"Animals.ocg": {"Bat.ocg": {"Chirp.wav": SOUND}}, "authors.txt": b"me"}),
    "a.wad": make_wad({"DSPISTOL": doom_lump(range(100, 160)), "MAP01": b""}),
}


def opened(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return dict(open_container(path))


@pytest.mark.parametrize("suffix", [".pk3", ".wz", ".orgue", ".PK3"])
def test_zip_files_open_under_their_other_names(tmp_path, suffix):
    files = {"sound/a.wav": SOUND, "b.txt": b"words"}
    assert opened(tmp_path, f"a{suffix}", make_zip(files)) == files


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_qt_resource_gives_its_tree(tmp_path, version):
    files = {"a/b/bark.wav": SOUND, "a/Gänse.ogg": b"geese", "a/b/packed.z": b"z" * 999, "e": b""}
    assert opened(tmp_path, "a.rcc", make_rcc(files, version)) == files


def test_an_openttd_set_is_numbered_and_its_names_made_plain(tmp_path):
    long = "Splat (building docks/canals)" + "x" * 80
    got = opened(tmp_path, "a.cat", make_cat([("One. By: Jo", SOUND), (long, riff(5))]))
    second = f"001_{'Splat _building docks_canals_' + 'x' * 51}.wav"
    assert got == {"000_One. By_ Jo.wav": SOUND, second: riff(5)}
    assert openttd_names(tmp_path / "a.cat") == ["One. By: Jo", long]


def test_an_openclonk_group_gives_nested_groups_as_folders(tmp_path):
    tree = {"Animals.ocg": {"Bat.ocg": {"Chirp.wav": SOUND}, "a.txt": b"a"}, "authors.txt": b"me"}
    assert opened(tmp_path, "Sound.ocg", make_ocg(tree)) == {
        "Animals.ocg/Bat.ocg/Chirp.wav": SOUND,
        "Animals.ocg/a.txt": b"a",
        "authors.txt": b"me",
    }


def test_doom_sounds_come_out_as_16_bit_wav_files(tmp_path):
    levels = [128, 0, 255, 64] * 10
    lumps = {"DSBARK": doom_lump(levels, rate=8000), "DSTINY": bytes(8), "E1M1": bytes(99)}
    got = opened(tmp_path, "a.wad", make_wad(lumps))
    assert list(got) == ["dsbark.wav"]
    samples, rate = soundfile.read(io.BytesIO(got["dsbark.wav"]))
    assert rate == 8000
    np.testing.assert_array_equal(samples, (np.array(levels) - 128) / 128)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_cut_short_anywhere_is_refused(tmp_path, name):
    data = SAMPLES[name]
    for length in range(0, len(data), max(1, len(data) // 30)):
        with pytest.raises(InputError, match=r"a\.\w+ is damaged .*: fetch the package again"):
            opened(tmp_path, name, data[:length])


@pytest.mark.parametrize("name", SAMPLES)
def test_damage_anywhere_is_refused_or_harmless_and_never_another_error(tmp_path, name):
    chance = random.Random(0)
    for _ in range(40):
        data = bytearray(SAMPLES[name])
        for _ in range(3):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            opened(tmp_path, name, bytes(data))
        except InputError as error:
            assert name in str(error)  # noqa: PT017


def test_a_resource_whose_folder_holds_itself_is_refused(tmp_path):
    data = bytearray(make_rcc({"x/bark.wav": SOUND}))
    data[20 + 10 : 20 + 14] = struct.pack(">I", 0)  # the root's first child
    with pytest.raises(InputError, match="among its own children"):
        opened(tmp_path, "a.rcc", bytes(data))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pk3", make_zip({"../evil.wav": SOUND})),
        ("a.pk3", make_zip({"/evil.wav": SOUND})),
        ("a.rcc", make_rcc({"x/../../evil.wav": SOUND})),
        ("a.ocg", make_ocg({"../evil.wav": SOUND})),
        ("a.ocg", make_ocg({"": SOUND})),
    ],
)
def test_a_path_that_leads_out_is_refused(tmp_path, name, data):
    with pytest.raises(InputError, match="leads out of its folder"):
        opened(tmp_path, name, data)


def test_other_files_are_no_containers(tmp_path):
    (tmp_path / "bark.wav").write_bytes(SOUND)
    assert not is_container(tmp_path / "bark.wav")
    with pytest.raises(InputError, match=r"no known container: expected one of \.pk3, "):
        list(open_container(tmp_path / "bark.wav"))
    with pytest.raises(InputError, match="No such file"):
        list(open_container(tmp_path / "none.pk3"))
    with pytest.raises(InputError, match="is damaged"):
        openttd_names(tmp_path / "none.cat")
