import io
import struct
import wave

import pytest

from auffusion.data.attribution import UNNAMED, attribution, version_of, write_attribution
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


def authors(packages, *clips):
    return {
        clip.source: group.author
        for group, members in attribution(packages, clips).items()
        for clip in members
    }


def test_debian_packages_name_authors_in_their_copyright_file(packages, clip):
    found = authors(
        packages,
        clip(source="usr/share/tiny/wav/bark.wav"),
        clip(source="usr/share/tiny/wav/nobody.wav", license="public-domain"),
        clip(source="usr/share/tiny/rain.wav", license="CC-BY-SA-3.0"),
    )
    assert found == {
        "usr/share/tiny/wav/bark.wav": "Ann",
        "usr/share/tiny/wav/nobody.wav": UNNAMED,
        "usr/share/tiny/rain.wav": "2001, The Team",
    }


def test_a_free_form_copyright_file_names_everybody(packages, clip):
    put(
        packages, "old-sounds/usr/share/doc/old-sounds/copyright", "Copyright (c) 2001 Ann\n© Bob\n"
    )
    assert authors(packages, clip(package="old-sounds", source="a.wav")) == {"a.wav": "Ann; Bob"}


def test_openclonk_names_authors_inside_its_archive(packages, clip):
    folder = "usr/share/games/openclonk/Sound.ocg.d"
    put(packages, f"openclonk-data/{folder}/authors.txt", "ala - Fire/Spark1-2\n")
    make = {"package": "openclonk-data", "license": "CC-BY-3.0"}
    found = authors(
        packages,
        clip(source=f"{folder}/Fire.ocg/Spark2.wav", **make),
        clip(source=f"{folder}/UI.ocg/Ding.ogg", **make),
    )
    assert list(found.values()) == ["ala", "The OpenClonk Team and contributors"]


def test_opensfx_names_authors_in_its_entries(packages, clip):
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
    found = authors(packages, clip(package="openttd-opensfx", source=source))
    assert found == {source: 'Original "corner of a field.wav" by "Ann B". Edited.'}


def test_a_wheel_names_authors_beside_its_sounds(packages, clip):
    put(packages, "arcade/arcade/sounds/License.txt", "All CC0.\nCredit (Kenney or x.nl) is nice\n")
    make = {"package": "arcade", "version": "arcade-3.3.3-py3-none-any.whl"}
    found = authors(packages, clip(source="arcade/sounds/coin.wav", **make))
    assert found == {"arcade/sounds/coin.wav": "Kenney or x.nl"}


def test_the_list_groups_clips_and_leads_to_each_licence(tmp_path, packages, clip):
    shared = {"license": "CC-BY-SA-3.0"}
    clips = [
        clip(source="rain.ogg", part=0, **shared),
        clip(source="rain.ogg", part=2, **shared),
        clip(source="a.ogg", **shared),
        clip(source="x/wav/bark.wav"),
    ]
    write_attribution(packages, clips, tmp_path / "ATTRIBUTION.tsv")
    lines = (tmp_path / "ATTRIBUTION.tsv").read_text(encoding="utf-8").splitlines()
    cc = "https://creativecommons.org"
    assert [line for line in lines if not line.startswith("#")] == [
        f"tiny-sounds\t1.0-1\tCC-BY-SA-3.0\t{cc}/licenses/by-sa/3.0/\t2001, The Team",
        "\train.ogg\t0,2",
        "\ta.ogg",
        f"tiny-sounds\t1.0-1\tCC0-1.0\t{cc}/publicdomain/zero/1.0/\tAnn",
        "\tx/wav/bark.wav",
    ]


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


def test_what_cannot_be_attributed_is_refused(tmp_path, packages, clip):
    with pytest.raises(InputError, match="holds no other: fetch the package"):
        attribution(packages, [clip(package="other")])
    with pytest.raises(InputError, match=r"no link is known for the licence 'CC-BY-NC-4\.0'"):
        attribution(packages, [clip(license="CC-BY-NC-4.0")])
    (packages / "tiny-sounds/usr/share/doc/tiny-sounds/copyright").unlink()
    with pytest.raises(InputError, match="copyright, which names the authors, is missing"):
        write_attribution(packages, [clip()], tmp_path / "ATTRIBUTION.tsv")
    assert not (tmp_path / "ATTRIBUTION.tsv").exists()
