"""What can be trained, by name."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from auffusion.train.diffusion_run import DiffusionConfig, diffusion_task
from auffusion.train.distil_run import DistilConfig, distil_task
from auffusion.train.loop import Ending, OnStep, train
from auffusion.train.lora_run import LoraConfig, lora_task
from auffusion.train.parallel import local_device
from auffusion.train.task import Task
from auffusion.train.vae_run import VaeConfig, vae_task
from auffusion.train.vocoder_run import VocoderConfig, vocoder_task


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Something that can be trained."""

    name: str
    """On the command line."""
    config: type[Any]
    """The dataclass of its configuration; it has a `loop`."""
    make_task: Callable[[Any, Path, str], Task]
    """(configuration, folder of the run, device) to the task."""

    def run(
        self,
        config: Any,  # noqa: ANN401 - of `self.config`
        output: Path,
        device: str,
        on_step: OnStep | None = None,
    ) -> Ending:
        """Train, or go on.

        Raises:
            InputError: no such data or model, a folder of another run, a full disk.
        """
        task = self.make_task(config, output, local_device(device))
        about = {name: value for name, value in asdict(config).items() if name != "loop"}
        return train(task, config.loop, output, about=about, on_step=on_step)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="diffusion", config=DiffusionConfig, make_task=diffusion_task),
        Kind(name="vae", config=VaeConfig, make_task=vae_task),
        Kind(name="lora", config=LoraConfig, make_task=lora_task),
        Kind(name="distil", config=DistilConfig, make_task=distil_task),
        Kind(name="vocoder", config=VocoderConfig, make_task=vocoder_task),
    )
}
"""By name."""
