import pytest

from auffusion.data.doctor.faults import Fault
from auffusion.data.doctor.manifest import Row
from auffusion.data.doctor.row_faults import fault_of_license, row_faults
from auffusion.data.folders import inside


def faults(root, **given):
    plain = {"place": "a:1", "id": "1", "path": "a.wav", "captions": ("rain",), "license": "MIT"}
    row = Row(**{**plain, **given})
    return [fault for fault, _ in row_faults(row, inside(root, row.path))]


@pytest.mark.parametrize(
    ("captions", "told"),
    [
        (("rain",), []),
        ((), [Fault.CAPTION_EMPTY]),
        (("",), [Fault.CAPTION_EMPTY]),
        (("rain", " \u2003\n"), [Fault.CAPTION_EMPTY]),
        (("x" * 10_000,), []),
        (("x" * 10_001,), [Fault.CAPTION_LONG]),
        (("", "x" * 10_001), [Fault.CAPTION_EMPTY, Fault.CAPTION_LONG]),
    ],
)
def test_captions_are_neither_blank_nor_endless(tmp_path, captions, told):
    assert faults(tmp_path, captions=captions) == told


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../a.wav", "leads out"),
        ("a/../../b.wav", "leads out"),
        ("..\\a.wav", "leads out"),
        ("/etc/passwd", "absolute"),
        ("C:\\a.wav", "absolute"),
        ("https://x.org/a.wav", "address"),
        ("file:///a.wav", "address"),
        ("a\0.wav", "no path"),
        ("x" * 300, "no path"),
        ("out/a.wav", "link"),
    ],
)
def test_paths_that_lead_out_are_told_apart(tmp_path, path, words):
    root = tmp_path / "set"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    row = Row(place="a:1", id="1", path=path, captions=("rain",), license="MIT")
    ((fault, detail),) = row_faults(row, inside(root, row.path))
    assert fault is Fault.PATH
    assert words in detail


def test_a_link_inside_the_set_is_no_fault(tmp_path):
    (tmp_path / "sounds").mkdir()
    (tmp_path / "again").symlink_to("sounds")
    assert faults(tmp_path, path="again/a.wav") == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *((name, Fault.LICENSE_UNKNOWN) for name in ("", "unknown", "NOASSERTION", " n/a ")),
        *((name, None) for name in ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "MIT", "GPL-2.0")),
        *((name, None) for name in ("NCSA", "Brand-new", "Andean Licence", "Pixabay Content")),
        *(
            (name, Fault.LICENSE_RESTRICTED)
            for name in (
                "CC-BY-NC-4.0",
                "CC-BY-ND-4.0",
                "CC-BY-NC-SA-3.0",
                "cc by-nc",
                "LicenseRef-CC-Sampling-Plus-1.0",
                "LicenseRef-RemArc",
                "academic use only",
                "Non-Commercial",
                "PolyForm-Noncommercial-1.0.0",
            )
        ),
    ],
)
def test_licences_are_known_free_or_restricted(name, told):
    assert fault_of_license(name) is told
