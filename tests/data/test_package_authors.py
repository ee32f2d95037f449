import io
import struct
import wave

import pytest

from auffusion.data.package_authors import authors_of, licence_url, version_of
from auffusion.errors import InputError

DEP5 = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2001, The Team <team@example.org>
License: CC-BY-SA-3.0

Files: wav/bark.wav
Copyright: Ann
License: CC0-1.0

Files: wav/nobody.wav
Copyright: none
License: public-domain
"""


def put(packages, path, text):
    (packages / path).parent.mkdir(parents=True, exist_ok=True)
    (packages / path).write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture
def packages(tmp_path):
    folder = tmp_path / "packages"
    put(folder, "tiny-sounds/usr/share/doc/tiny-sounds/copyright", DEP5)
    return folder


def author(packages, package, source, licence="CC0-1.0"):
    return authors_of(packages / package, licence)(source)


@pytest.mark.parametrize(
    ("source", "licence", "named"),
    [
        ("usr/share/tiny/wav/bark.wav", "CC0-1.0", "Ann"),
        ("usr/share/tiny/wav/nobody.wav", "public-domain", ""),
        ("usr/share/tiny/rain.wav", "CC-BY-SA-3.0", "2001, The Team"),
    ],
)
def test_debian_packages_name_authors_in_their_copyright_file(packages, source, licence, named):
    assert author(packages, "tiny-sounds", source, licence) == named


def test_a_free_form_copyright_file_names_everybody(packages):
    put(
        packages, "old-sounds/usr/share/doc/old-sounds/copyright", "Copyright (c) 2001 Ann\n© Bob\n"
    )
    assert author(packages, "old-sounds", "a.wav") == "Ann; Bob"


def test_openclonk_names_authors_inside_its_archive(packages):
    folder = "usr/share/games/openclonk/Sound.ocg.d"
    put(packages, f"openclonk-data/{folder}/authors.txt", "ala - Fire/Spark1-2\n")
    of = authors_of(packages / "openclonk-data", "CC-BY-3.0")
    assert of(f"{folder}/Fire.ocg/Spark2.wav") == "ala"
    assert of(f"{folder}/UI.ocg/Ding.ogg") == "The OpenClonk Team and contributors"


def test_opensfx_names_authors_in_its_entries(packages):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(40))
    riff, table, body = buffer.getvalue(), b"", b""
    names = [
        b'"Good Year". By Jo.',
        b'"Sheep". Original "corner of a field.wav" by "Ann B". Edited.',
    ]
    for name in names:
        table += struct.pack("<II", 16 + len(body), len(riff))
        body += bytes([len(name) + 1]) + name + b"\0" + riff
    folder = "usr/share/games/openttd/baseset/opensfx"
    put(packages, f"openttd-opensfx/{folder}/opensfx.cat", table + body)
    source = f"{folder}/opensfx.cat.d/001__Sheep_. Original _corner.wav"
    named = 'Original "corner of a field.wav" by "Ann B". Edited.'
    assert author(packages, "openttd-opensfx", source) == named


def test_a_wheel_names_authors_beside_its_sounds(packages):
    put(packages, "arcade/arcade/sounds/License.txt", "All CC0.\nCredit (Kenney or x.nl) is nice\n")
    assert author(packages, "arcade", "arcade/sounds/coin.wav") == "Kenney or x.nl"


@pytest.mark.parametrize(
    ("archive", "version"),
    [
        ("widelands-data_2%3a1.1-3_all.deb", "2:1.1-3"),
        ("hydrogen-drumkits_2017.09.19~dfsg-1_all.deb", "2017.09.19~dfsg-1"),
        ("arcade-3.3.3-py3-none-any.whl", "3.3.3"),
    ],
)
def test_the_version_is_read_from_the_archives_name(archive, version):
    assert version_of(archive) == version


def test_what_cannot_be_attributed_is_refused(packages):
    with pytest.raises(InputError, match=r"no link is known for the licence 'CC-BY-NC-4\.0'"):
        licence_url("CC-BY-NC-4.0")
    (packages / "tiny-sounds/usr/share/doc/tiny-sounds/copyright").unlink()
    with pytest.raises(InputError, match="copyright, which names the authors, is missing"):
        authors_of(packages / "tiny-sounds", "CC0-1.0")
