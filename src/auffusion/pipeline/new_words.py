"""Words that a text encoder was taught: textual inversion (Gal et al., arXiv 2208.01618).

Their embeddings stand in `learned_embeds.safetensors`, a row under each word, as diffusers writes
and reads them; a second text encoder's stand in `learned_embeds_2.safetensors`. diffusers' own
loader also opens pickled files, this one does not.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken
from torch import Tensor

from auffusion.errors import InputError
from auffusion.pipeline.pipeline import AuffusionPipeline
from auffusion.weights import read_state

WORDS_FILES = ("learned_embeds.safetensors", "learned_embeds_2.safetensors")
"""Of the first and the second text encoder."""


def add_word_tokens(tokenizer: Any, words: Sequence[str]) -> list[int]:  # noqa: ANN401
    """Make each word one token; gives their numbers.

    Raises:
        InputError: a word that the tokenizer knows already, is empty or stands there twice.
    """
    known = tokenizer.get_vocab()
    for word in words:
        if word in known or not word.strip() or words.count(word) > 1:
            raise InputError(
                f"the new word {word!r} is empty, stands there twice or is a token already: choose "
                "one that no text has, such as <my-dog>"
            )
    # As it is written, before letters are made small; inside of longer words it is no new word.
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    return [int(tokenizer.convert_tokens_to_ids(word)) for word in words]


def make_room(encoder: Any, tokenizer: Any) -> None:  # noqa: ANN401
    """Rows of the embedding for tokens that were added; the others stay as they are."""
    if len(tokenizer) > encoder.get_input_embeddings().num_embeddings:
        # Drawn at random for nothing: they are overwritten.
        with torch.random.fork_rng(devices=[]):
            encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)


def text_parts(pipeline: AuffusionPipeline) -> list[tuple[Any, Any]]:
    """(tokenizer, encoder) of each text encoder."""
    parts = pipeline.components
    pairs = [(parts.get(f"tokenizer{e}"), parts.get(f"text_encoder{e}")) for e in ("", "_2")]
    return [pair for pair in pairs if pair[1] is not None]


def load_new_words(pipeline: AuffusionPipeline, folder: Path) -> list[str]:
    """Teach a pipeline the words of a folder; gives them. Without a file of words it stays as is.

    Raises:
        InputError: a file that is damaged, of another text encoder, or with a word that the model
            knows already.
    """
    found = [folder / name for name in WORDS_FILES if (folder / name).is_file()]
    parts = text_parts(pipeline)
    if found and len(found) != len(parts):
        raise InputError(
            f"{folder} has words of {len(found)} text encoders, the model has {len(parts)}: use it "
            "with the model that it was trained on"
        )
    words: list[str] = []
    for path, (tokenizer, encoder) in zip(found, parts, strict=False):
        rows: Mapping[str, Tensor] = read_state(path)
        width = encoder.get_input_embeddings().embedding_dim
        if any(row.numel() != width for row in rows.values()):
            raise InputError(
                f"{path} has words of another width than the text encoder's {width}: use it with "
                "the model that it was trained on"
            )
        words = list(rows)
        numbers = add_word_tokens(tokenizer, words)
        make_room(encoder, tokenizer)
        table = encoder.get_input_embeddings().weight
        with torch.no_grad():
            for number, row in zip(numbers, rows.values(), strict=True):
                table[number] = row.reshape(-1).to(table)
    return words
