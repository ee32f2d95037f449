import re

import pytest

from auffusion.data.label_captions import (
    TABLE,
    captions_of,
    joint_captions,
    labels_of,
    most_specific,
)
from auffusion.errors import InputError

# As the publishers count their classes.
SIZES = {
    "esc50": 50,
    "urbansound8k": 10,
    "musical-instruments": 4,
    "gtzan": 10,
    "fsd50k": 200,
    "vggsound": 309,
}

# Lower case throughout: no label needs a name. Commas and hyphens stand within a sentence only.
SENTENCE = re.compile(r"[a-z]+(?:[ -]|, )(?:[a-z-]+(?: |, ))*[a-z-]+|music|footsteps")


@pytest.mark.parametrize("dataset", SIZES)
def test_every_label_has_captions_that_read_as_sentences(dataset):
    labels = labels_of(dataset)
    assert len(set(labels)) == len(labels) == SIZES[dataset]
    for label in labels:
        captions = captions_of(dataset, label)
        assert len(set(captions)) == len(captions) == 2
        for caption in captions:
            assert SENTENCE.fullmatch(caption), (label, caption)
            assert len(caption) <= 80


@pytest.mark.parametrize("caption", ["A dog", "a_dog barks", "a  dog", "a dog.", "a dog (big)", ""])
def test_what_is_no_sentence_would_be_found(caption):
    assert not SENTENCE.fullmatch(caption)


@pytest.mark.parametrize("dataset", SIZES)
def test_articles_fit_the_words_behind_them(dataset):
    wrong = re.compile(r"\b(a [aeio]|an [^aeiou])")
    text = "\n".join(one for label in labels_of(dataset) for one in captions_of(dataset, label))
    assert not wrong.findall(text)


@pytest.mark.parametrize("dataset", SIZES)
def test_an_unknown_label_is_refused(dataset):
    expected = rf"{dataset} has no label 'Yodel': expected one of the {SIZES[dataset]} in"
    with pytest.raises(InputError, match=expected):
        captions_of(dataset, "Yodel")


def test_an_unknown_data_set_is_refused():
    with pytest.raises(InputError, match="no captions for labels of 'esc-10': choose of esc50, "):
        captions_of("esc-10", "dog")


def test_rules_make_captions_of_phrases():
    assert captions_of("vggsound", "eletric blender running") == (
        "an electric blender running",
        "the sound of an electric blender running",
    )


def test_labels_that_another_implies_are_left_out():
    smeared = ["Electric_guitar", "Guitar", "Plucked_string_instrument", "Musical_instrument"]
    assert most_specific("fsd50k", [*smeared, "Music"]) == ("Electric_guitar",)
    assert joint_captions("fsd50k", [*smeared, "Music"]) == captions_of("fsd50k", smeared[0])


def test_the_most_specific_labels_come_first():
    labels = ["Wind", "Liquid", "Animal", "Wild_animals", "Bird", "Crow", "Music"]
    assert most_specific("fsd50k", labels) == ("Crow", "Wind", "Liquid", "Music")
    assert joint_captions("fsd50k", labels) == (
        "a crow cawing, the wind blowing, a liquid moving and music",
        "the sound of a crow cawing, the wind blowing, a liquid moving and music",
    )


def test_no_more_than_four_sounds_are_named():
    labels = ["Wind", "Rain", "Bark", "Crow", "Meow", "Cough"]
    assert joint_captions("fsd50k", labels)[0].count(",") == 2


def test_a_clip_without_labels_has_no_captions():
    with pytest.raises(InputError, match="has no label, expected one or more"):
        joint_captions("fsd50k", [])


def test_no_label_implies_itself():
    for label in labels_of("fsd50k"):
        assert most_specific("fsd50k", [label]) == (label,)


def test_the_table_holds_parents_of_known_labels_only():
    text = TABLE.read_text(encoding="utf-8")
    block = text.partition("[fsd50k.parents]")[2].partition("\n[")[0].partition("\n#")[0]
    named = {name for line in block.splitlines() for name in re.findall(r"[A-Z][\w()-]*", line)}
    assert len(named) > 150
    assert named <= set(labels_of("fsd50k"))
