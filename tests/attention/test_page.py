"""The listening page: whole in itself, its text inert, a section a sound, a lane a word."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import torch
from PIL import Image

from auffusion.attention.grounding import Grounding
from auffusion.attention.heatmap import Heatmap
from auffusion.attention.page import HeardSound, attention_page
from auffusion.attention.picture import MapRow
from auffusion.image.colour import PLASMA

HOSTILE = '<script>alert("dog")</script>'
SCORE = Grounding(agreement=0.5, chance=0.1, p_value=0.02, concentration=0.01, distinctness=0.005)


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, name):
        return [attributes for tag, attributes in self.found if tag == name]


def heatmap():
    values = torch.full((8, 32), 0.1)
    values[:4, 16:] = 0.3
    return Heatmap(
        values=values,
        edges_hz=np.linspace(8000.0, 0.0, 9),
        edges_s=np.linspace(0.0, 2.56, 33),
    )


def row(label="model", words=("dog", "rain")):
    return MapRow(
        label=label, maps={word: heatmap() for word in words}, log_mel=torch.zeros(256, 256)
    )


def written(*labels, words=("dog", "rain"), scale="relative", under=""):
    scores = dict.fromkeys(words, SCORE)
    sounds = [
        HeardSound(label=label, sound=b"RIFF", rows=[row(label, words)], scores=[scores])
        for label in labels
    ]
    return attention_page("a dog and rain", sounds, scale=scale, under=under)


def test_nothing_comes_from_elsewhere():
    text = written("one", "two")
    tags = Tags(text)
    sources = [value for _, a in tags.found for key, value in a.items() if key in {"src", "href"}]
    assert len(sources) == 2 * (1 + 1 + 2 + 1)  # sound, spectrogram, two words, colours
    assert all(source.startswith("data:") for source in sources)
    assert not re.search(r"https?:|url\(|@import|<link", text)


def test_every_text_is_inert():
    text = written(HOSTILE, words=(HOSTILE, "rain"), under=HOSTILE)
    assert len(Tags(text).of("script")) == 1
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_each_map_is_a_slider_for_the_keyboard():
    sliders = [a for a in Tags(written("one")).of("div") if a.get("role") == "slider"]
    assert [a["aria-label"].split(":")[0] for a in sliders] == ["sound", "dog", "rain"]
    assert all(a["tabindex"] == "0" and a["aria-valuemax"] == "2.56" for a in sliders)
    (section,) = Tags(written("one")).of("section")
    assert float(section["data-seconds"]) == 2.56


def test_the_sound_is_within():
    (audio,) = Tags(written("one")).of("audio")
    kind, content = audio["src"].split(",")
    assert kind == "data:audio/wav;base64"
    assert base64.b64decode(content) == b"RIFF"


def test_a_map_is_bright_where_its_word_is_attended_to(tmp_path):
    (_, dog, *_) = Tags(written("one")).of("img")
    path = tmp_path / "dog.png"
    path.write_bytes(base64.b64decode(dog["src"].split(",")[1]))
    picture = np.asarray(Image.open(path).convert("RGB"))
    height, width, _ = picture.shape
    assert (picture[10, width - 10] == PLASMA[255]).all()
    assert (picture[height - 10, 10] == PLASMA[picture_level()]).all()


def picture_level():
    # A sixth of an octave's share: 0.1 against a mean of 0.15, on a scale as wide as its widest.
    return round((1 - np.log2(1.5) / np.log2(2.0)) / 2 * 255)


def test_scores_are_told_and_their_absence_too():
    scores = {"dog": SCORE, "rain": None}
    text = attention_page("x", [HeardSound(label="m", sound=b"", rows=[row("m")], scores=[scores])])
    assert "+0.50" in text
    assert '<span class="good">yes</span>' in text
    assert "the sound has one level everywhere" in text


def test_several_rows_of_one_sound_share_it():
    rows = [row("m: step 1"), row("m: step 2")]
    scores = {"dog": SCORE, "rain": SCORE}
    text = attention_page(
        "x", [HeardSound(label="m", sound=b"RIFF", rows=rows, scores=[scores] * 2)]
    )
    tags = Tags(text)
    assert len(tags.of("audio")) == 1
    assert len(tags.of("h3")) == 2
    assert len(tags.of("img")) == 1 + 2 * (2 + 1)
