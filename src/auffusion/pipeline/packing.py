"""A whole pipeline as a folder of packed weights, the form in which the embedded model ships."""

from pathlib import Path
from typing import Any

from diffusers.configuration_utils import ConfigMixin
from torch import nn

from auffusion.pipeline.packed import write_packed
from auffusion.pipeline.pipeline import AuffusionPipeline
from auffusion.pipeline.publish import save_encoder_config
from auffusion.pipeline.whole_folder import whole_folder


def save_packed(pipeline: AuffusionPipeline, target: Path) -> None:
    """Write `pipeline` to the folder `target` at about a quarter of its size.

    The rounding is that of `pack_state`; `AuffusionPipeline.from_pretrained` reads the folder.

    Raises:
        InputError: `target` exists or cannot be written.
    """
    with whole_folder(target) as folder:
        for name, component in pipeline.components.items():
            if component is not None:
                _save_component(component, folder / name)
        pipeline.save_config(folder)


def _save_component(component: Any, folder: Path) -> None:  # noqa: ANN401
    folder.mkdir()
    if not isinstance(component, nn.Module):
        component.save_pretrained(folder)
        return
    write_packed(folder, component.state_dict())
    if isinstance(component, ConfigMixin):
        component.save_config(folder)
    else:
        save_encoder_config(component, folder)
