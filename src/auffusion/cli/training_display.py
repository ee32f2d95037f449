"""What is seen of a training run: a bar with loss and speed, by the first of its processes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auffusion.cli.progress import Display
from auffusion.train.kinds import Kind
from auffusion.train.loop import Ending


def watched(kind: Kind, config: Any, output: Path, device: str) -> Ending:  # noqa: ANN401
    """Run a training with a bar.

    Raises:
        InputError: as the kind's run.
    """
    if os.environ.get("RANK", "0") != "0":
        return kind.run(config, output, device)
    with Display().training(config.loop.steps) as bar:

        def tell(step: int, values: Mapping[str, float]) -> None:
            bar(step, _told(values))

        return kind.run(config, output, device, tell)


def _told(values: Mapping[str, float]) -> str:
    hidden = {"rate", "flops", "examples_per_s", "mfu"}
    shown = [f"{n} {v:.4g}" for n, v in values.items() if n not in hidden and "norm" not in n]
    speed = values["examples_per_s"]
    power = f", {values['flops'] / 1e12:.3g} TFLOP/s" if values["flops"] else ""
    share = f", MFU {values['mfu']:.1%}" if "mfu" in values else ""
    return f"{', '.join(shown[:3])}; {speed:.3g}/s{power}{share}"
