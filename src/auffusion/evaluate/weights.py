"""Published weights: where they are on this machine, and that they are the right ones.

Nothing is downloaded unless it is asked for, and nothing is opened before its hash is right. The
sizes and hashes are those that independent projects pin:

- PANNs, Zenodo 3987831 (https://zenodo.org/records/3987831, CC BY 4.0);
- VGGish, https://github.com/harritaylor/torchvggish/releases/tag/v0.1 (Apache-2.0);
- PaSST, https://github.com/kkoutini/PaSST/releases/tag/v0.0.1-audioset (Apache-2.0);
- CLAP, https://huggingface.co/laion/clap-htsat-unfused (Apache-2.0): pinned by its commit, since
  its hash was nowhere to be found;
- aisfx, in the wheel https://pypi.org/project/aisfx (weights CC BY 4.0): `pip install --no-deps
  aisfx==0.1.2`, without its dependencies, which ask for versions of 2022. It is never imported.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.request import urlopen

from auffusion.errors import InputError
from auffusion.files import whole_file
from auffusion.hub import HubOptions, Needed, fetch_repository

WEIGHTS_VARIABLE = "AUFFUSION_WEIGHTS"
"""Names the folder of published weights where `~/.cache/auffusion/weights` is not wanted."""

OnProgress = Callable[[int, int], None]
"""Told how many bytes of how many have come."""

_PIECE = 1 << 20
_PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A weight file as it is published."""

    file: str
    """Its name in the folder of weights."""
    url: str = ""
    """Where it is published."""
    package: tuple[str, str, str] | None = None
    """The Python package that brings it, its version, and the path in there."""
    size: int | None = None
    """Bytes, where they are known."""
    sha256: str
    """Of its content."""
    licence: str
    """Of the weights."""
    what: str
    """For whom reads that it is missing."""


@dataclass(frozen=True, kw_only=True)
class PublishedRepository:
    """A repository of the hub."""

    id: str
    """Its name there."""
    revision: str
    """The commit that is meant."""
    files: tuple[str, ...]
    """Those of its files that are needed; the last of them has the weights."""
    licence: str
    """Of the weights."""
    what: str
    """For whom reads that it is missing."""


PUBLISHED_FILES = {
    "cnn14-16k": PublishedFile(
        file="Cnn14_16k_mAP=0.438.pth",
        url="https://zenodo.org/records/3987831/files/Cnn14_16k_mAP%3D0.438.pth",
        size=358_668_570,
        sha256="e2ee543a27919542c2ea03eabaa70b24dcd4e6c8e05621de6b67a94e4c5058e6",
        licence="CC BY 4.0",
        what="PANNs Cnn14 for 16 kHz",
    ),
    "cnn14-32k": PublishedFile(
        file="Cnn14_mAP=0.431.pth",
        url="https://zenodo.org/records/3987831/files/Cnn14_mAP%3D0.431.pth",
        size=327_428_481,
        sha256="0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31",
        licence="CC BY 4.0",
        what="PANNs Cnn14 for 32 kHz",
    ),
    "vggish": PublishedFile(
        file="vggish-10086976.pth",
        url="https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
        sha256="10086976245803799d9194e9a73d9b6c1549c71d1b80106f5cade5608a561f4b",
        licence="Apache-2.0",
        what="VGGish in torchvggish's form",
    ),
    "passt": PublishedFile(
        file="passt-s-f128-p16-s10-ap.476-swa.pt",
        url="https://github.com/kkoutini/PaSST/releases/download/v0.0.1-audioset/"
        "passt-s-f128-p16-s10-ap.476-swa.pt",
        size=344_665_734,
        sha256="302903fa8c4aee817b11dc982da0b29aaf8d11a3e722420476d0a12c9db70c2c",
        licence="Apache-2.0",
        what="PaSST-S",
    ),
    "aisfx": PublishedFile(
        file="aisfx-0.1.2.pth",
        package=("aisfx", "0.1.2", "aisfx/models/checkpoint.pth"),
        size=24_900_277,
        sha256="499ea75909c932a2f94c35fa722fa4fabc5bcb7e84917209cc5f7402627b7eb5",
        licence="CC BY 4.0",
        what="the sound-effects network of aisfx",
    ),
}
"""Single files, by the name that extractors know them by."""

CLAP = PublishedRepository(
    id="laion/clap-htsat-unfused",
    revision="8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a",
    files=(
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "vocab.json",
        "merges.txt",
        "pytorch_model.bin",
    ),
    licence="Apache-2.0",
    what="CLAP",
)
"""The checkpoint of the paper's CLAP score (evaluation of Auffusion §4.1)."""


@dataclass(frozen=True, kw_only=True)
class WeightsPlace:
    """Where weights are looked for."""

    folder: Path | None = None
    """The folder of published weights; None is `$AUFFUSION_WEIGHTS` or ~/.cache/auffusion/weights.
    A repository of the hub is looked for in a folder there of its last name, and then where the
    hub keeps its downloads."""
    fetch: bool = False
    """Whether what is missing is downloaded."""
    on_progress: OnProgress | None = None
    """Told as a download goes on."""

    @property
    def path(self) -> Path:
        """The folder."""
        if self.folder is not None:
            return self.folder
        named = os.environ.get(WEIGHTS_VARIABLE)
        return Path(named) if named else Path.home() / ".cache" / "auffusion" / "weights"


@dataclass(frozen=True, kw_only=True)
class FoundWeights:
    """Weights that are here."""

    path: Path
    """The file, or the folder of a repository."""
    sha256: str
    """Of the file with the weights."""


def find_file(name: str, place: WeightsPlace | None = None) -> FoundWeights:
    """A weight file of `PUBLISHED_FILES`, its hash checked.

    Raises:
        InputError: it is not here and not to be fetched, or another file has its name.
    """
    place, published = place or WeightsPlace(), PUBLISHED_FILES[name]
    path = place.path / published.file
    if not path.is_file() and (packaged := _packaged(published)):
        path = packaged
    if not path.is_file():
        _fetch_or_refuse(published, path, place)
    found = file_sha256(path)
    if found != published.sha256:
        raise InputError(
            f"{path} is not {published.what}: its SHA-256 is {found[:12]}… where "
            f"{published.sha256[:12]}… was expected; remove it and fetch it again"
        )
    return FoundWeights(path=path, sha256=found)


def find_repository(
    published: PublishedRepository, place: WeightsPlace | None = None
) -> FoundWeights:
    """The folder of a repository of the hub, with the hash of its weights.

    Raises:
        InputError: it is not here and not to be fetched, or lacks files.
    """
    place = place or WeightsPlace()
    folder = place.path / published.id.rpartition("/")[2]
    if not folder.is_dir():
        options = HubOptions(revision=published.revision, local_files_only=not place.fetch)
        try:
            folder = fetch_repository(published.id, options, Needed(files=published.files))
        except InputError as error:
            raise InputError(
                f"the weights of {published.what} ({published.id}, {published.licence}) are "
                f"neither in {folder} nor among the hub's downloads, and were not fetched: "
                f"{_advice(place)}"
            ) from error
    weights = folder / published.files[-1]
    # Saved again by transformers, it has another name.
    if not weights.is_file() and (folder / "model.safetensors").is_file():
        weights = folder / "model.safetensors"
    if not weights.is_file():
        raise InputError(f"{folder} has no {published.files[-1]}: fetch {published.id} again")
    return FoundWeights(path=folder, sha256=file_sha256(weights))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _packaged(published: PublishedFile) -> Path | None:
    """The file in an installed package, which is not imported."""
    if published.package is None:
        return None
    name, _, inner = published.package
    try:
        return Path(str(distribution(name).locate_file(inner)))
    except PackageNotFoundError:
        return None


def _fetch_or_refuse(published: PublishedFile, path: Path, place: WeightsPlace) -> None:
    told = f"the weights of {published.what} ({published.licence}) are not here: expected {path}"
    if published.package is not None:
        name, version, _ = published.package
        raise InputError(
            f"{told}, or the package {name}; pip install --no-deps {name}=={version} brings them"
        )
    if not place.fetch:
        raise InputError(f"{told}; download it from {published.url}, or {_advice(place)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with whole_file(path) as file:
        for piece in _pieces(published, place.on_progress or (lambda _, __: None)):
            file.write(piece)
            digest.update(piece)
        if digest.hexdigest() != published.sha256:
            raise InputError(
                f"what {published.url} gave is not {published.what}: the download broke off or "
                "the file was replaced; try again"
            )


def _advice(place: WeightsPlace) -> str:
    return "look at the connection" if place.fetch else "allow downloading (fetch)"


def _pieces(published: PublishedFile, on_progress: OnProgress) -> Iterator[bytes]:
    try:
        with urlopen(published.url, timeout=_PATIENCE_S) as answer:
            size = int(answer.headers.get("Content-Length") or published.size or 0)
            done = 0
            while piece := answer.read(_PIECE):
                yield piece
                done += len(piece)
                on_progress(done, size)
    # URLError is one; so is what happens while it goes on.
    except OSError as error:
        raise InputError(f"cannot fetch {published.url}: {error}") from error
