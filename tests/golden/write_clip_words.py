"""Write `clip_words.json`: the part of CLIP's vocabulary that the tests' prompts are made of.

    python tests/golden/write_clip_words.py MERGES

MERGES is `open_clip/bpe_simple_vocab_16e6.txt.gz` of the PyPI package open_clip_torch 3.3.0:
OpenAI's list of merges, the most frequent first (MIT licence). What is kept spells the prompts
exactly as the whole list does: each merge that takes part in one of their words, in order, and the
ids of the whole vocabulary.
"""

import gzip
import json
import sys
from itertools import pairwise
from pathlib import Path

from tokenizers.pre_tokenizers import ByteLevel

sys.path.insert(0, str(Path(__file__).parents[1]))
from prompt_pairs import BALANCED_SWAPS, REFINEMENTS, SWAPS

_MERGES = 49152 - 256 - 2
_ALSO = ("a photo of a cat", "a man chopping wood", "rain")


def ranked_merges(path):
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
    return [tuple(line.split()) for line in lines[1 : _MERGES + 1]]


def whole_vocabulary(merges):
    # OpenAI's order of the bytes: those that print, then the others.
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [*map(chr, printing), *(chr(256 + i) for i in range(256 - len(printing)))]
    if set(letters) != set(ByteLevel.alphabet()):
        raise ValueError("the bytes are not those of the tokenizers library")
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges)]
    return {token: i for i, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}


def spelt(word, ranks):
    """The pieces of a word, and every merge on the way to them."""
    pieces, used = [*word[:-1], f"{word[-1]}</w>"], []
    while pairs := [p for p in pairwise(pieces) if p in ranks]:
        best = min(pairs, key=ranks.__getitem__)
        used.append(best)
        joined, i = [], 0
        while i < len(pieces):
            whole = tuple(pieces[i : i + 2]) == best
            joined.append("".join(best) if whole else pieces[i])
            i += 2 if whole else 1
        pieces = joined
    return pieces, used


def main():
    merges = ranked_merges(Path(sys.argv[1]))
    vocabulary, ranks = whole_vocabulary(merges), {pair: rank for rank, pair in enumerate(merges)}
    prompts = [text for pair in (*SWAPS, *BALANCED_SWAPS, *REFINEMENTS) for text in pair[:2]]
    words = {w for p in (*prompts, *_ALSO) for w in p.replace(",", " ,").split()}
    used = {pair for word in words for pair in spelt(word, ranks)[1]}
    kept = {letter + end for letter in "abcdefghijklmnopqrstuvwxyz,." for end in ("", "</w>")}
    kept |= {"".join(pair) for pair in used} | {"<|startoftext|>", "<|endoftext|>"}
    content = {
        "vocabulary": {t: i for t, i in vocabulary.items() if t in kept},
        "merges": [" ".join(pair) for pair in sorted(used, key=ranks.__getitem__)],
    }
    text = json.dumps(content, ensure_ascii=False, indent=0)
    Path(__file__).with_name("clip_words.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
