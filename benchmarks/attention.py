"""Are the words of the embedded model grounded? Each word's map against its sound and all others.

    python benchmarks/attention.py [--steps 25] [--seed 0]

For every prompt a sound is made and the map of the word that names its source is kept. A map is
then scored against the sound that it was made with, and, as a control, against the sounds of all
other prompts, which have the same kinds of shapes at other times. Each sound has a seed of its own,
for equal noise puts events at equal times. Prints both, and a line a word.
On one core some ten seconds a prompt.
"""

import argparse
import itertools

import numpy as np

from auffusion.attention import grounding, pooled
from auffusion.pipeline import AuffusionPipeline

# The classes of benchmarks/embedded_classes.py, whose sounds the model knows.
PROMPTS = {
    "an acoustic guitar strum": "guitar",
    "a monster growling": "growling",
    "a man screaming": "screaming",
    "footsteps on stone": "footsteps",
    "a drum kit playing a fast rock beat": "drum",
    "a door closing": "door",
    "birds singing": "birds",
    "wind blowing": "wind",
    "an explosion": "explosion",
    "a fire burning": "fire",
    "a gunshot": "gunshot",
    "a laser gun firing": "laser",
    "a kick drum": "drum",
    "water flowing": "water",
    "a dog barking": "dog",
    "a machine gun firing": "gun",
    "thunder rumbling": "thunder",
    "a tabla drum stroke": "tabla",
    "a bell-like tone playing a note": "bell-like",
    "metal being hit": "metal",
}


def main() -> None:
    """Print the scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    pipeline = AuffusionPipeline.from_pretrained("embedded")
    pipeline.set_progress_bar_config(disable=True)
    maps, sounds = [], []
    for number, (prompt, word) in enumerate(PROMPTS.items()):
        found = pipeline.attention(
            prompt, words=[word], num_inference_steps=told.steps, seed=told.seed + number
        )
        heatmap = found.heatmaps()[word]
        maps.append(heatmap.values.numpy())
        sounds.append(pooled(found.level, heatmap, 0.01).numpy())
    own = [grounding(one, sound) for one, sound in zip(maps, sounds, strict=True)]
    pairs = itertools.permutations(range(len(maps)), 2)
    others = [grounding(maps[i], sounds[j]) for i, j in pairs]
    for (prompt, word), score in zip(PROMPTS.items(), own, strict=True):
        print(
            f"{prompt:24s} {word:10s} agreement {score.agreement:+.2f} (shifted "
            f"{score.chance:+.2f}) p {score.p_value:.3f} {'grounded' if score.grounded else '-'}"
        )
    for name, scores in (("own sound", own), ("sounds of other prompts", others)):
        agreement = np.mean([one.agreement for one in scores])
        chance = np.mean([one.chance for one in scores])
        grounded = np.mean([one.grounded for one in scores])
        print(
            f"{name}: mean agreement {agreement:+.3f}, shifted {chance:+.3f}, grounded "
            f"{grounded:.0%} of {len(scores)}"
        )


if __name__ == "__main__":
    main()
