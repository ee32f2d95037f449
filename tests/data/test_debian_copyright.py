import pytest

from auffusion.data.debian_copyright import free_form_holders, paragraph_of, read_paragraphs

TEXT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Source: https://example.org

Files: *
Copyright: 2001-2009, The Team <team@example.org>
License: GPL-2+

Files: src/wav/*
       src/loops/*_quiet.ogg
Copyright: Copyright (c) 2010 Ann Author <ann@example.org>
           2011,     Bob Both
           2011,     Bob Both
License: CC-BY-SA-3.0
 The text of the licence.
 .
 License: not a field, but text.

Files: src/wav/horse?.wav
Copyright: dobroide
License: CC-BY-3.0

Files: sounds/heavy rocket.wav
Copyright: Copyright Mike
License: CC-BY-4.0

Files: kits/Pacific.h2drumkit
Copyright: Luc
License: CC0

Files: src/wav/silence.wav
Copyright: no-copyright
License: public-domain

Files: Data/*
Copyright: © 2003 Wolf Games
License: CC-BY-SA-4.0

Files: debian/*
Copyright: 2015, A Packager <p@debian.org>
License: GPL-2+

License: GPL-2+
 This program is free software.
"""


@pytest.fixture(scope="module")
def paragraphs():
    return read_paragraphs(TEXT)


def test_paragraphs_are_read_in_order_with_patterns_and_licence(paragraphs):
    assert [paragraph.license for paragraph in paragraphs] == [
        "GPL-2+",
        "CC-BY-SA-3.0",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC0",
        "public-domain",
        "CC-BY-SA-4.0",
        "GPL-2+",
    ]
    assert paragraphs[1].patterns[:2] == ("src/wav/*", "src/loops/*_quiet.ogg")


def test_holders_are_named_once_and_without_mail_addresses(paragraphs):
    assert paragraphs[1].holders == "2010 Ann Author; 2011, Bob Both"
    assert paragraphs[5].holders == ""
    assert paragraphs[6].holders == "2003 Wolf Games"


@pytest.mark.parametrize(
    ("source", "licence", "holders"),
    [
        ("usr/share/x/wav/horse1.wav", "CC-BY-3.0", "dobroide"),
        ("usr/share/x/wav/cow.wav", "CC-BY-SA-3.0", "2010 Ann Author; 2011, Bob Both"),
        ("usr/share/x/loops/rain_quiet.ogg", "CC-BY-SA-3.0", "2010 Ann Author; 2011, Bob Both"),
        ("usr/share/x/sounds/heavy rocket.wav", "CC-BY-4.0", "Mike"),
        ("usr/share/x/kits/Pacific/kick.flac", "CC0", "Luc"),
        ("usr/share/x/wav/silence.wav", "public-domain", ""),
        # Data/* has lost its folder's name, but no other paragraph has this licence.
        ("usr/share/x/Sounds/alarm.ogg", "CC-BY-SA-4.0", "2003 Wolf Games"),
        ("usr/share/x/other.ogg", "GPL-2+", "2001-2009, The Team"),
        # A licence under another name than the list's: the path alone decides.
        ("usr/share/x/wav/horse1.wav", "Attribution 3.0", "dobroide"),
        ("usr/share/x/other.ogg", "GPL", "2001-2009, The Team"),
    ],
)
def test_the_closest_paragraph_of_the_licence_is_found(paragraphs, source, licence, holders):
    assert paragraph_of(paragraphs, source, licence).holders == holders


def test_a_wildcard_does_not_fit_without_its_folder():
    paragraphs = read_paragraphs("Files: music/*.ogg\nCopyright: M\nLicense: X\n")
    assert paragraph_of(paragraphs, "usr/share/sounds/a.ogg", "Y") is None


def test_of_equals_the_last_one_counts():
    text = "Files: *\nCopyright: A\nLicense: X\n\nFiles: *\nCopyright: B\nLicense: X\n"
    assert paragraph_of(read_paragraphs(text), "a.ogg", "X").holders == "B"


def test_free_form_files_have_no_paragraphs_but_names():
    text = """This package was debianised by A Packager <p@debian.org>.

    Copyright © 2005-2011 Raphaël Giudici
    Copyright (C) 2000-2002, 2008 Frank Wen <getfrank@example.com>
    Adaptation Copyright © 2018-2021 S. Christian Collins
    Copyright © 2005-2011 Raphaël Giudici
    The Debian packaging is Copyright © 2008, A Packager
    """
    assert read_paragraphs(text) == []
    assert free_form_holders(text) == "Raphaël Giudici; Frank Wen; S. Christian Collins"
    assert free_form_holders("public domain") == ""
