"""A baseline from its name: found on this machine, or fetched when that is asked for."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import cast

import torch

from auffusion.audio import fit_length, resample, to_mono
from auffusion.baselines.catalogue import BaselineEntry, Repository, find_baseline
from auffusion.baselines.contract import Rival, Source
from auffusion.baselines.parts import quiet
from auffusion.baselines.sampling import SAMPLE_RATE, Sampling
from auffusion.errors import InputError
from auffusion.hub import HubOptions, fetch_repository, is_hub_id
from auffusion.shapes import Waveform

# torch seeds its CPU generator with the low 32 bits only.
_SEEDS = 2**32


class LoadedBaseline:
    """A rival behind the one interface: mono sounds at 16 kHz, a seed an item.

    Args:
        rival: the loaded system.
        entry: what the catalogue says of it.
        sampling: steps, guidance and length of all its sounds.
        model: its folder or repository as it was named.
        identity: SHA-256 over its files.
        dtype: precision of its networks, by name.
    """

    def __init__(
        self,
        rival: Rival,
        *,
        entry: BaselineEntry,
        sampling: Sampling,
        model: str,
        identity: str,
        dtype: str = "float32",
    ) -> None:
        self.rival = rival
        self.entry = entry
        self.sampling = sampling
        self.model = model
        self.identity = identity
        self.dtype = dtype

    @torch.no_grad()
    def __call__(self, prompts: Sequence[str], seeds: Sequence[int]) -> Waveform:
        """A sound for each prompt, each made alone: neighbours would change its last bits.

        Raises:
            InputError: another number of seeds than of prompts, a seed outside 0 … 2³² - 1, or no
                prompt at all.
        """
        if not prompts or len(prompts) != len(seeds):
            raise InputError(
                f"{len(prompts)} prompts and {len(seeds)} seeds were given: give a seed a prompt"
            )
        return torch.cat([self._sound(*item) for item in zip(prompts, seeds, strict=True)])

    def _sound(self, prompt: str, seed: int) -> Waveform:
        if not 0 <= seed < _SEEDS:
            raise InputError(f"the seed {seed} is out of range: choose one from 0 to {_SEEDS - 1}")
        generator = torch.Generator("cpu").manual_seed(seed)
        channels = self.rival.sound(prompt, generator, self.sampling).detach().cpu().float()
        mono = resample(to_mono(channels), self.rival.sample_rate, SAMPLE_RATE)
        return fit_length(mono, self.sampling.samples)


def load_baseline(
    name: str,
    *,
    model: str | Path | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    steps: int | None = None,
    guidance: float | None = None,
    length_s: float | None = None,
    download: bool = False,
    options: HubOptions | None = None,
) -> LoadedBaseline:
    """A baseline, ready to speak.

    Args:
        name: one of `BASELINES`.
        model: a folder with its published files, or a repository; None is the published one.
        device: of its networks.
        dtype: their precision.
        steps: denoising steps; this and the next two are the catalogue's where they are None.
        guidance: guidance scale.
        length_s: seconds of each sound.
        download: whether what is not on this machine may be fetched.
        options: how it is fetched.

    Raises:
        InputError: no such baseline, weights that are not here or not its own, a number out of
            range.
    """
    entry = find_baseline(name)
    sampling = entry.choose(steps=steps, guidance=guidance, length_s=length_s)
    hub = options or HubOptions()
    place = _Place(entry, replace(hub, local_files_only=hub.local_files_only or not download))
    folder = place.folder(model)
    companions = {part: place.companion(folder, part) for part in entry.companions}
    source = Source(folder=folder, companions=companions, device=torch.device(device), dtype=dtype)
    return LoadedBaseline(
        _loader(entry)(source),
        entry=entry,
        sampling=sampling,
        model=str(model or entry.weights.id),
        identity=_identity(entry, source),
        dtype=str(dtype).removeprefix("torch."),
    )


def _loader(entry: BaselineEntry) -> Callable[[Source], Rival]:
    module, function = entry.home.split(":")
    try:
        # These packages tell at import what else could be installed.
        with quiet():
            found = getattr(import_module(module), function)
    except ImportError as error:
        raise InputError(
            f"{entry.name} needs a package that is not installed as it expects ({error}): install "
            "auffusion[baselines]"
        ) from error
    return cast("Callable[[Source], Rival]", found)


class _Place:
    """Where a baseline's files are."""

    def __init__(self, entry: BaselineEntry, options: HubOptions) -> None:
        self._entry = entry
        self._options = options

    def folder(self, model: str | Path | None) -> Path:
        name = str(model or self._entry.weights.id)
        if not name:
            raise InputError(
                f"nobody has published weights of {self._entry.name}: train them by "
                "auffusion train diffusion riffusion, and name their folder by --model"
            )
        folder = Path(name).expanduser()
        if folder.is_dir():
            return folder
        if not is_hub_id(name):
            raise InputError(
                f"there is no model '{name}': expected a folder with the files of "
                f"{self._entry.weights.id or self._entry.name}, or a repository of the hub"
            )
        return self._fetch(Repository(id=name, needed=self._entry.weights.needed), "--model")

    def companion(self, folder: Path, part: str) -> Path:
        beside = folder / part
        if beside.is_dir():
            return beside
        return self._fetch(self._entry.companions[part], f"{beside} as a folder")

    def _fetch(self, repository: Repository, instead: str) -> Path:
        try:
            return fetch_repository(repository.id, self._options, repository.needed)
        except InputError as error:
            if not self._options.local_files_only:
                raise
            raise InputError(
                f"{self._entry.name} needs {repository.id} (in all {self._entry.size_gb} GB, "
                f"{self._entry.license}), which is not on this machine: allow its download by "
                f"--download, or give its files by {instead}"
            ) from error


def _identity(entry: BaselineEntry, source: Source) -> str:
    """64 hexadecimal digits: SHA-256 over all files that the baseline is made of."""
    parts: Mapping[str, tuple[Path, Repository]] = {
        "": (source.folder, entry.weights),
        **{part: (source.companions[part], one) for part, one in entry.companions.items()},
    }
    digest = hashlib.sha256()
    for part, (folder, repository) in sorted(parts.items()):
        for name in repository.needed.of(_names(folder)):
            with (folder / name).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{part}/{name} {content}\n".encode())
    return digest.hexdigest()


def _names(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return [path.relative_to(folder).as_posix() for path in found]
