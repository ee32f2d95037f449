"""Published folders into ours, and back."""

from pathlib import Path
from typing import Literal

from auffusion.errors import InputError
from auffusion.hub import HubOptions
from auffusion.pipeline.pipeline import AuffusionPipeline
from auffusion.pipeline.publish import write_published
from auffusion.pipeline.whole_folder import whole_folder

Target = Literal["auffusion", "published"]


def convert_checkpoint(
    source: str | Path,
    target: str | Path,
    to: Target = "auffusion",
    *,
    vocoder: str | Path | None = None,
    options: HubOptions | None = None,
) -> Path:
    """Write the model `source` to a new folder `target` in another layout.

    Args:
        source: a folder of any layout, a hub id or "embedded".
        target: a folder that does not exist yet; it appears whole or not at all.
        to: "auffusion" is our layout, safetensors throughout; "published" is the layout that
            the model has by its text convention, with adapters or without.
        vocoder: a vocoder's folder, for a model that has none.
        options: how to fetch the source from the hub.

    Returns:
        The folder written.

    Raises:
        InputError: the source cannot be read, the target exists or cannot be written, or the
            model is of a kind that the published layouts cannot hold.
    """
    if to not in ("auffusion", "published"):
        raise InputError(f"cannot convert to {to!r}: choose 'auffusion' or 'published'")
    hub = options or HubOptions()
    place = Path(target).expanduser()
    with whole_folder(place) as folder:
        pipeline = AuffusionPipeline.from_pretrained(
            source,
            vocoder=vocoder,
            revision=hub.revision,
            cache_dir=hub.cache_dir,
            token=hub.token,
            local_files_only=hub.local_files_only,
        )
        if to == "auffusion":
            pipeline.save_pretrained(folder)
        else:
            write_published(pipeline, folder)
    return place
