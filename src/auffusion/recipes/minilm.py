"""The embedded model's text encoder: all-MiniLM-L6-v2 with the word pieces that prompts use.

Of 30,522 embedding rows about half are numbers, names and scripts that no prompt for a sound holds.
Kept are the special tokens, the plain ASCII pieces among the first in the vocabulary (which is in
order of frequency), and every piece that the captions of the sound list or a list of words for
sounds need. A word that is not kept falls into smaller pieces, as rare words always do.
"""

from pathlib import Path
from typing import Any, cast

import torch
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizerFast,  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
)

from auffusion.data.preparers.embedded_sounds import listed_rows

FREQUENT = 13_000
"""Pieces before this place in the vocabulary are kept if they are plain ASCII."""

_Tokenizer = cast("Any", BertTokenizerFast)
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def reduce_minilm(source: Path, target: Path) -> tuple[Any, Any]:
    """(encoder, tokenizer) with the reduced vocabulary; the tokenizer is written to `target`.

    Args:
        source: the published model folder.
        target: folder for the tokenizer's files.
    """
    pieces = (source / "vocab.txt").read_text(encoding="utf-8").splitlines()
    tokenizer = _Tokenizer(vocab=str(source / "vocab.txt"))
    kept = kept_pieces(pieces, tokenizer)
    target.mkdir(parents=True, exist_ok=True)
    listing = target / "vocab.txt"
    listing.write_text("".join(f"{pieces[i]}\n" for i in kept), encoding="utf-8")
    whole: Any = BertModel.from_pretrained(source, add_pooling_layer=False)
    config = BertConfig.from_dict({**whole.config.to_dict(), "vocab_size": len(kept)})
    reduced: Any = BertModel(config, add_pooling_layer=False)
    state = whole.state_dict()
    name = "embeddings.word_embeddings.weight"
    state[name] = state[name][torch.tensor(kept)]
    reduced.load_state_dict(state)
    small = _Tokenizer(vocab=str(listing), model_max_length=512)
    small.save_pretrained(target)
    return reduced.eval(), small


def kept_pieces(pieces: list[str], tokenizer: Any) -> list[int]:  # noqa: ANN401
    """Places in the vocabulary that stay, in order."""
    needed: set[int] = set()
    for text in _texts():
        needed.update(tokenizer(text)["input_ids"])
    return [
        place
        for place, piece in enumerate(pieces)
        if place in needed
        or piece in _SPECIAL
        or (place < FREQUENT and _is_plain(piece))
        or _is_letter(piece)
    ]


def _texts() -> list[str]:
    captions = {text for row in listed_rows() for text in (*row["captions"], row["class"])}
    words = Path(__file__).with_name("sound_words.txt").read_text(encoding="utf-8").split()
    return sorted(captions | set(words))


def _is_plain(piece: str) -> bool:
    return piece.isascii() and not piece.startswith("[unused")


def _is_letter(piece: str) -> bool:
    # Single letters spell whatever has no piece of its own.
    bare = piece.removeprefix("##")
    return len(bare) == 1 and bare.isascii()
