import pytest

from auffusion.errors import InputError
from auffusion.text import word_tokens


def by_decoded_lengths(tokenizer, prompt, word):
    """The published rule: split on spaces, consume the decoded tokens' lengths; BOS is token 0."""
    words = prompt.split(" ")
    wanted = [word] if isinstance(word, int) else [i for i, w in enumerate(words) if w == word]
    pieces = [tokenizer.decode([token]).strip("#") for token in tokenizer(prompt)["input_ids"]]
    found, current, used = [], 0, 0
    for position, piece in enumerate(pieces[1:-1], start=1):
        used += len(piece.strip())
        if current in wanted:
            found.append(position)
        if used >= len(words[current]):
            current, used = current + 1, 0
    return found


PROMPT = "a dog barking in a hall"


@pytest.mark.parametrize("kind", ["clip", "bert"])
@pytest.mark.parametrize("word", [0, 1, 2, 5, "a", "dog", "barking", "hall"])
def test_a_word_is_found_as_the_published_rule_finds_it(encoders, kind, word):
    tokenizer = encoders[kind].tokenizer
    assert word_tokens(tokenizer, PROMPT, word) == by_decoded_lengths(tokenizer, PROMPT, word)


def test_the_tokens_spell_the_word(encoder):
    rows = encoder.tokenizer(PROMPT)["input_ids"]
    found = word_tokens(encoder.tokenizer, PROMPT, "barking")
    assert encoder.tokenizer.decode([rows[i] for i in found]).replace(" ", "") == "barking"


def test_every_occurrence_counts(encoders):
    assert word_tokens(encoders["clip"].tokenizer, "dog a dog", "dog") == [1, 3]


def test_two_spaces_do_not_shift_the_words_behind_them(encoder):
    rows = encoder.tokenizer("a  dog")["input_ids"]
    found = word_tokens(encoder.tokenizer, "a  dog", "dog")
    spelt = encoder.tokenizer.decode([rows[i] for i in found])
    assert spelt.strip() == "dog"


def test_a_character_of_many_bytes_keeps_all_its_tokens(encoders):
    tokenizer = encoders["clip"].tokenizer
    assert len(word_tokens(tokenizer, "a 🐶 dog", "🐶")) == 4
    assert word_tokens(tokenizer, "a 🐶 dog", "dog") == [6]


@pytest.mark.parametrize("word", ["cat", "do", "dog barking", 6, -1])
def test_a_word_that_is_not_there_is_refused(encoders, word):
    with pytest.raises(InputError, match="has no word"):
        word_tokens(encoders["clip"].tokenizer, PROMPT, word)
