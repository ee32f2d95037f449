"""How much a training step computes, counted on one example."""

from typing import Any

import torch

from auffusion.train.task import Task


def counted_flops(task: Task) -> float:
    """Operations of one example in the steps of all players, forward and backward."""
    from torch.utils.flop_counter import FlopCounterMode

    counter: Any = FlopCounterMode(display=False)
    batch = task.draw(0, range(1))
    trained = {
        player.name: [p for p in player.module.parameters() if p.requires_grad]
        for player in task.players
    }
    for name in trained:
        others = [p for other, own in trained.items() if other != name for p in own]
        # As in the loop, where the others' weights are constants.
        for parameter in others:
            parameter.requires_grad_(False)
        with counter:
            terms = task.losses(name, batch, 0)
            if terms:
                loss: Any = torch.stack([*terms.values()]).sum()
                loss.backward()
        for parameter in others:
            parameter.requires_grad_(True)
    for player in task.players:
        player.module.zero_grad(set_to_none=True)
    return float(counter.get_total_flops())
