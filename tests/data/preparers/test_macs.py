import sys

import pytest
import yaml

from auffusion.data.listing import Listed, Reason, Reject
from auffusion.data.preparers.macs import MACS
from auffusion.errors import InputError

TAU = "TAU-urban-acoustic-scenes-2019-development/audio"
# As in the published file: filename, annotations; annotator_id, sentence, tags.
TEXT = """\
files:
- filename: airport-barcelona-0-0-a.wav
  annotations:
  - annotator_id: 12
    sentence: People are talking and walking, a suitcase rolls
    tags:
    - adults_talking
    - footsteps
  - annotator_id: 45
    sentence: "Footsteps: a loud announcement in the distance"
    tags:
    - announcement
    - footsteps
- filename: public_square-lyon-1035-40109-a.wav
  annotations:
  - annotator_id: 7
    sentence: Music plays while
      children are running
    tags:
    - music
    - children_voices
  - annotator_id: 9
    sentence: ''
    tags:
    - siren
  - annotator_id: 12
    sentence: Traffic noise
    tags: []
- filename: park-vienna-91-2442-a.wav
  annotations:
  - annotator_id: 7
    sentence: Birds are singing
    tags:
    - birds_singing
"""
KEYS = ["airport-barcelona-0-0-a", "public_square-lyon-1035-40109-a"]


def imitate(folder, sound):
    """MACS.yaml, and two of its three sounds as TAU's zips unpack."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MACS.yaml").write_text(TEXT)
    (folder / "MACS_competence.csv").write_text("id\tcompetence\n7\t0.8\n9\t0.1\n12\t0.9\n")
    sound(folder / TAU / "airport-barcelona-0-0-a.wav", "door", 10, 48_000, 2)
    sound(folder / TAU / "public_square-lyon-1035-40109-a.wav", "steam", 10, 48_000, 2)
    # TAU has more scenes than MACS describes.
    sound(folder / TAU / "bus-paris-1-2-a.wav", "roll", 10, 48_000, 2)


def listing(folder):
    return list(MACS.read(folder, folder / "work"))


def clip(folder, key, captions, labels, extra):
    return Listed(
        key=key,
        file=folder / TAU / f"{key}.wav",
        source=f"{TAU}/{key}.wav",
        captions=captions,
        labels=labels,
        split="train",
        license="LicenseRef-TAU-non-commercial",
        license_url="https://zenodo.org/records/2589280",
        author="Tampere University",
        extra=extra,
    )


def test_each_scene_has_the_sentences_of_its_annotators_and_their_tags(tmp_path, sound):
    imitate(tmp_path, sound)
    airport = {"scene": "airport", "place": "barcelona-0", "device": "a", "annotators": "12 45"}
    square = {"scene": "public_square", "place": "lyon-1035", "device": "a", "annotators": "7 12"}
    assert listing(tmp_path) == [
        clip(
            tmp_path,
            KEYS[0],
            (
                "People are talking and walking, a suitcase rolls",
                "Footsteps: a loud announcement in the distance",
            ),
            ("footsteps", "adults_talking", "announcement"),
            airport,
        ),
        clip(
            tmp_path,
            KEYS[1],
            ("Music plays while children are running", "Traffic noise"),
            ("music", "children_voices"),
            square,
        ),
        Reject(
            key="park-vienna-91-2442-a",
            source="audio/park-vienna-91-2442-a.wav",
            reason=Reason.MISSING,
            detail="audio/park-vienna-91-2442-a.wav is not there: unpack the sounds of TAU Urban "
            "Acoustic Scenes 2019",
        ),
    ]


def test_the_same_file_in_flow_style_lists_the_same(tmp_path, sound):
    imitate(tmp_path, sound)
    before = listing(tmp_path)
    text = yaml.safe_dump(yaml.safe_load(TEXT), default_flow_style=True, sort_keys=True)
    (tmp_path / "MACS.yaml").write_text(text)
    assert listing(tmp_path) == before


def test_a_bad_entry_costs_that_entry_only(tmp_path, sound):
    imitate(tmp_path, sound)
    bad = [
        "- 7",
        "- filename: ../../etc/passwd",
        "- filename: airport-barcelona-0-0-a.wav\n  annotations: none",
        "- filename: airport-barcelona-0-0-a.wav\n  annotations:\n  - sentence: ' '\n  - 7",
        "- filename: [a]\n  annotations: []",
    ]
    (tmp_path / "MACS.yaml").write_text("files:\n" + "\n".join(bad) + TEXT.removeprefix("files:"))
    got = listing(tmp_path)
    assert [(one.key, getattr(one, "reason", None)) for one in got] == [
        ("MACS.yaml:1", Reason.ROW),
        ("MACS.yaml:2", Reason.ROW),
        (KEYS[0], Reason.CAPTION),
        (KEYS[0], Reason.CAPTION),
        ("MACS.yaml:5", Reason.ROW),
        (KEYS[0], None),
        (KEYS[1], None),
        ("park-vienna-91-2442-a", Reason.MISSING),
    ]


def test_no_list_a_list_of_something_else_and_a_broken_one_are_told(tmp_path, sound):
    with pytest.raises(InputError, match=r"holds no MACS\.yaml: fetch it from https://zenodo"):
        listing(tmp_path)
    imitate(tmp_path, sound)
    (tmp_path / "MACS.yaml").write_text("clips: []\n")
    with pytest.raises(InputError, match=r"MACS\.yaml holds no list 'files'"):
        listing(tmp_path)
    (tmp_path / "MACS.yaml").write_text(TEXT + "- [")
    with pytest.raises(InputError, match=r"MACS\.yaml is damaged or no YAML"):
        listing(tmp_path)


def test_without_pyyaml_it_says_what_to_install(tmp_path, sound, monkeypatch):
    imitate(tmp_path, sound)
    monkeypatch.delitem(sys.modules, "auffusion.data.yaml_list", raising=False)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(InputError, match=r"MACS needs PyYAML: pip install 'auffusion\[data\]'"):
        listing(tmp_path)
