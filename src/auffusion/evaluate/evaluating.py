"""Two folders and a protocol: all its scores, with intervals, controls and what they depend on."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from auffusion.errors import InputError
from auffusion.evaluate.condition import summary
from auffusion.evaluate.controls import write_noise, write_silence
from auffusion.evaluate.embedding import Embedded, EmbeddingOptions, OnSounds, embed_sounds
from auffusion.evaluate.embedding_cache import EmbeddingCache
from auffusion.evaluate.extractor import FeatureExtractor, identity
from auffusion.evaluate.extractors import Choice, load_extractor
from auffusion.evaluate.material import Material, RememberedFeatures, RememberedTexts, Side
from auffusion.evaluate.measure import Needs
from auffusion.evaluate.pairing import Listing, Pairing, list_hash, list_sounds, pair
from auffusion.evaluate.protocol import NamedProtocol
from auffusion.evaluate.result import ProtocolResult, Result, SideResult
from auffusion.evaluate.scoring import Certainty, OnScore, check_enough, orderings, score_all
from auffusion.evaluate.versions import software_versions
from auffusion.executor import Executor

LoadExtractor = Callable[[str], FeatureExtractor]
"""An extractor by its name in a protocol."""


@runtime_checkable
class TextExtractor(Protocol):
    """An extractor that reads as well."""

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embeddings of texts: [text, feature]."""
        ...


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What is measured, and how sure one wants to be."""

    system: str = ""
    """Its name in tables; empty is the folder's."""
    captions: Mapping[str, str] | None = None
    """Of generated clips, by name."""
    paired: bool = True
    """Whether clips are matched by name."""
    allow_missing: int = 0
    """So many names may be on one side only."""
    controls: bool = True
    """Whether the scores of recordings, silence, noise and shuffled clips stand beside."""
    certainty: Certainty = field(default_factory=Certainty)
    """How intervals are made."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """What the work is done with."""

    cache: EmbeddingCache
    """Of features."""
    load: LoadExtractor = lambda name: load_extractor(name, Choice())
    """Of networks."""
    executor: Executor | None = None
    """Who computes features; None is this process."""
    options: EmbeddingOptions = field(default_factory=EmbeddingOptions)
    """How that work is cut."""
    on_sounds: OnSounds = lambda _: None
    """Told of files as their features are there."""
    on_score: OnScore = lambda _: None
    """Told of scores as they are computed."""


def evaluate(
    generated: Path,
    reference: Path,
    protocol: NamedProtocol,
    means: Means,
    conditions: Conditions | None = None,
) -> Result:
    """Measure a folder of generated sounds against one of recordings.

    Args:
        generated: a folder, or a `.txt` list of files.
        reference: as well.
        protocol: what is computed.
        means: networks, cache, and who does the work.
        conditions: captions, pairing, intervals, controls.

    Raises:
        InputError: files are missing, unreadable or without a partner, there are too few, a
            network's weights are not here, or a score cannot be had.
    """
    conditions = conditions or Conditions()
    pairs = pair(
        list_sounds(generated),
        list_sounds(reference),
        allow_missing=conditions.allow_missing,
        paired=conditions.paired,
    )
    captions = _check(protocol, pairs, conditions)
    work = _Work(means=means, extractors={n: means.load(n) for n in protocol.extractors})
    heard = [work.side(listing) for listing in (pairs.reference, pairs.generated)]
    material = Material(
        reference=heard[0].side,
        generated=heard[1].side,
        paired=pairs.paired,
        captions=captions,
        embed_texts=RememberedTexts(work.embed_texts),
    )
    with tempfile.TemporaryDirectory(prefix="auffusion-") as folder:
        controls = work.controls(material, pairs, Path(folder), conditions)
        scores = score_all(
            protocol,
            material,
            controls=controls,
            certainty=conditions.certainty,
            on_score=means.on_score,
        )
    return Result(
        system=conditions.system or generated.resolve().name,
        protocol=ProtocolResult(name=protocol.name, sha256=protocol.sha256),
        scores=scores,
        extractors={name: identity(one) for name, one in work.extractors.items()},
        reference=heard[0].told(pairs.reference),
        generated=heard[1].told(pairs.generated),
        paired=pairs.paired,
        missing=pairs.missing,
        extra=pairs.extra,
        names=pairs.generated.names,
        captions_sha256=list_hash(captions) if captions else "",
        seed=conditions.certainty.seed,
        versions=software_versions(),
    )


def _check(
    protocol: NamedProtocol, pairs: Pairing, conditions: Conditions
) -> tuple[str, ...] | None:
    """The captions, when all that the protocol needs is there."""
    if Needs.PAIRS in protocol.needs and not pairs.paired:
        raise InputError(
            f"the protocol {protocol.name} compares pairs of clips: match them by name, or choose "
            "scores that need no pairs (--scores)"
        )
    check_enough(protocol, len(pairs.reference.sounds), len(pairs.generated.sounds))
    if Needs.CAPTIONS not in protocol.needs:
        return None
    if conditions.captions is None:
        raise InputError(
            f"the protocol {protocol.name} compares sounds with captions: name a list of them "
            "(--captions), or choose the other scores (--scores)"
        )
    lacking = [name for name in pairs.generated.names if name not in conditions.captions]
    if lacking:
        raise InputError(
            f"{len(lacking)} generated clips have no caption, {lacking[0]} first: the list's names "
            "must be those of the files, without their ending"
        )
    return tuple(conditions.captions[name] for name in pairs.generated.names)


@dataclass(frozen=True, kw_only=True)
class _Heard:
    """One side, heard by all networks."""

    side: Side
    embedded: Embedded

    def told(self, listing: Listing) -> SideResult:
        sounds = self.embedded.sounds
        content = hashlib.sha256("\n".join(sound.digest for sound in sounds).encode())
        return SideResult(
            place=listing.place,
            clips=len(sounds),
            list_sha256=list_hash(listing.names),
            content_sha256=content.hexdigest(),
            condition=summary([sound.condition for sound in sounds]),
            filled=dict(Counter(name for sound in sounds for name in sound.padded_for)),
        )


@dataclass(frozen=True, kw_only=True)
class _Work:
    """Turns listings into material."""

    means: Means
    extractors: Mapping[str, FeatureExtractor]

    def side(self, listing: Listing) -> _Heard:
        """All features of its clips."""
        paths = [sound.path for sound in listing.sounds]
        embedded = embed_sounds(
            paths,
            list(self.extractors.values()),
            self.means.cache,
            executor=self.means.executor,
            options=self.means.options,
            on_sounds=self.means.on_sounds,
        )
        if embedded.faults:
            raise InputError(
                f"{len(embedded.faults)} of {len(paths)} files of {listing.place} cannot be read, "
                f"and no other takes their place: {embedded.faults[0].fault}"
            )
        return _Heard(
            side=Side.of(listing.names, paths, RememberedFeatures(embedded)), embedded=embedded
        )

    def embed_texts(self, extractor: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings of captions."""
        network = self.extractors[extractor]
        if not isinstance(network, TextExtractor):
            raise InputError(f"the network '{extractor}' reads no captions: choose a CLAP")
        return network.embed_texts(texts).numpy()

    def controls(
        self, material: Material, pairs: Pairing, folder: Path, conditions: Conditions
    ) -> dict[str, Material]:
        """Material of systems whose quality is known; their sounds are written to the folder."""
        if not conditions.controls:
            return {}
        seed, sounds = conditions.certainty.seed, pairs.generated.sounds
        found = orderings(material, seed)
        for name in ("silence", "noise"):
            place = folder / name
            place.mkdir()
            if name == "silence":
                write_silence(place, sounds)
            else:
                write_noise(place, sounds, seed)
            found[name] = replace(material, generated=self.side(list_sounds(place)).side)
        return found
