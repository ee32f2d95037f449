"""How networks run here: loaded at their first use, and in float32 that is float32."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.backends import cudnn

from auffusion.evaluate.row_convolution import by_rows

# Bytes of a layer's maps that a processor's cache still holds.
_CACHE = 16 << 20
T = TypeVar("T")
Network = TypeVar("Network", bound=nn.Module)


def ready(network: Network, device: str) -> Network:
    """The network on its device, for inference, its images stored with the channels last."""
    if torch.device(device).type == "cpu":
        by_rows(network)
    moved: Any = network.requires_grad_(False).eval().to(device)
    # Faster on a CPU, by a tenth to almost twice; the last bits differ.
    return moved.to(memory_format=torch.channels_last)


def few_at_a_time(layers: Callable[[Tensor], Tensor], maps: Tensor, widest: int) -> Tensor:
    """What convolutions make of maps; on a processor so few at a time that its cache holds them.

    A third faster there than all at once, which fetches each layer's maps from memory. An
    accelerator gets all.

    Args:
        layers: the convolutions.
        maps: [item, ...].
        widest: numbers in the largest maps of an item.
    """
    if maps.device.type != "cpu":
        return layers(maps)
    count = max(1, _CACHE // (widest * maps.element_size()))
    return torch.cat([layers(maps[i : i + count]) for i in range(0, len(maps), count)])


@contextmanager
def exact_inference() -> Generator[None]:
    """Without gradients, and on a GPU without TF32, whose 10 bits would be seen in a score."""
    with (
        torch.inference_mode(),
        cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
    ):
        yield


@contextmanager
def torch_threads(count: int | None) -> Generator[None]:
    """So many threads of torch in here, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class OnFirstUse(Generic[T]):
    """Loads once, at the first call; what was loaded is not sent along to other processes.

    >>> network = OnFirstUse(lambda: print("loading") or "a network")
    >>> network(), network()
    loading
    ('a network', 'a network')

    Args:
        load: makes the thing; sent to other processes, so a module's function or a partial of one.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._loaded: T | None = None

    def __call__(self) -> T:
        """The thing itself."""
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def __getstate__(self) -> dict[str, object]:
        return {"_load": self._load, "_loaded": None}
