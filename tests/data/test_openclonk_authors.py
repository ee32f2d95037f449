import pytest

from auffusion.data.openclonk_authors import author_of, read_authors

TEXT = """\
If not stated otherwise, the sound effects are licensed under CC-BY.

Author        Work(s)
=====================

ala             - Fire/Spark1&2&3, Clonk/Action/Munch2
                  Structures/Repair made from following resources:
                      - JoelAudio: https://example.org/people/JoelAudio/ - CC-By 3.0
                  Clonk/Skin/Alchemist:
                     Hurt1&2, Scream1
                  Animals/Mooq:
                     Die1-5, DieFat
K-Pone          - Fire/Blast3alt
Checkmaty       - Arrow/Shoot1/3, Shield/WoodHit1-3
Benboncan       - Blast*, BlastMetal (http://example.org/1/)
Stickinthemud   - Clonk (http://example.org/2/)
                  BlastMetal (http://example.org/3/)
Christian James Muise\t- Tree/Chop1-5.wav (http://example.org/4/)
HerbertBoland   - WoodHit1-3
primeval_polypod- Boompack/Fly (http://example.org/5/)
Sven2           - Structures/StoneGate/GateMove (adapted from GateHit), UI::Close
                  Corrode (based on Pshshsh by Mirors_ (http://example.org/6/)

The following sound effects are licensed under the CC 0 license (public domain):

110110010,\t- CatapultLaunch (http://example.org/7/)
"""


@pytest.fixture(scope="module")
def works():
    return read_authors(TEXT)


@pytest.mark.parametrize(
    ("source", "author"),
    [
        ("Fire.ocg/Spark2.wav", "ala"),
        ("Clonk.ocg/Skin.ocg/Alchemist.ocg/Hurt2.wav", "ala"),
        ("Animals.ocg/Mooq.ocg/Die4.wav", "ala"),
        ("Fire.ocg/Blast3alt.wav", "K-Pone"),
        ("Fire.ocg/Blast1.wav", "Benboncan"),
        ("Fire.ocg/BlastMetal.wav", "Benboncan; Stickinthemud"),
        ("Objects.ocg/Arrow.ocg/Shoot3.ogg", "Checkmaty"),
        ("Objects.ocg/Weapons.ocg/Shield.ocg/WoodHit2.ogg", "Checkmaty"),
        ("Hits.ocg/Materials.ocg/Wood.ocg/WoodHit2.ogg", "HerbertBoland"),
        ("Environment.ocg/Tree.ocg/Chop5.wav", "Christian James Muise"),
        ("Objects.ocg/Boompack.ocg/Fly.ogg", "primeval_polypod"),
        ("Structures.ocg/StoneGate.ocg/GateMove.ogg", "Sven2"),
        ("UI.ocg/Close.ogg", "Sven2"),
        ("Liquids.ocg/Corrode.ogg", "Sven2"),
        ("Objects.ocg/Catapult_Launch.ogg", "110110010"),
        ("Liquids.ocg/Bubble1.ogg", ""),
        ("Objects.ocg/Arrow.ocg/Shoot2.ogg", ""),
    ],
)
def test_a_sound_has_the_author_whose_entry_fits_best(works, source, author):
    assert author_of(works, source) == author


def test_head_lines_and_remarks_are_nobodys_works(works):
    assert "Author" not in {work.author for work in works}
    assert not {"licensed", "pshshsh", "joelaudio:", "gatehit"} & {work.name for work in works}
