import pytest
import torch
from transformers import BertConfig, BertModel

from auffusion.data.preparers.embedded_sounds import listed_rows
from auffusion.recipes import minilm
from auffusion.recipes.minilm import reduce_minilm

LETTERS = [mark + letter for letter in "abcdefghijklmnopqrstuvwxyz" for mark in ("", "##")]
PIECES = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS]
PIECES += ["dog", "bark", "##ing", "rain", "straße", "zebra", "##zz"]


@pytest.fixture
def published(tmp_path):
    """A tiny BERT in a folder as MiniLM's."""
    folder = tmp_path / "published"
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in PIECES), encoding="utf-8")
    return folder


def test_unused_and_foreign_pieces_go_and_letters_stay(tmp_path, published):
    reduce_minilm(published, tmp_path / "tokenizer")
    kept = (tmp_path / "tokenizer/vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert kept == [piece for piece in PIECES if piece not in {"[unused0]", "straße"}]


def test_of_rare_pieces_only_those_that_captions_need_stay(tmp_path, published, monkeypatch):
    monkeypatch.setattr(minilm, "FREQUENT", 0)
    reduce_minilm(published, tmp_path / "tokenizer")
    kept = (tmp_path / "tokenizer/vocab.txt").read_text(encoding="utf-8").split()
    assert {"dog", "bark", "##ing", "rain"} <= set(kept)
    assert "straße" not in kept


@torch.no_grad()
def test_captions_are_encoded_as_by_the_published_model(tmp_path, published):
    encoder, tokenizer = reduce_minilm(published, tmp_path / "tokenizer")
    whole = BertModel.from_pretrained(published, add_pooling_layer=False).eval()
    theirs = minilm._Tokenizer(vocab=str(published / "vocab.txt"))
    for row in listed_rows()[::400]:
        text = row["captions"][0]
        ours, expected = (t(text, return_tensors="pt") for t in (tokenizer, theirs))
        assert ours["input_ids"].shape == expected["input_ids"].shape
        torch.testing.assert_close(
            encoder(**ours).last_hidden_state, whole(**expected).last_hidden_state
        )
