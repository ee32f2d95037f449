"""Weight files of audiocraft: a pickled dict of tensors, and their settings as YAML."""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from torch import Tensor

from auffusion.errors import InputError
from auffusion.weights import read_state


@dataclass(frozen=True, kw_only=True)
class AudiocraftFile:
    """One file, as audiocraft exports it."""

    path: Path
    """Where it is."""
    state: Mapping[str, Tensor]
    """Its `best_state`: weights by audiocraft's names."""
    settings: Mapping[str, Any]
    """Its `xp.cfg`: all settings of the training."""

    @classmethod
    def read(cls, path: Path) -> "AudiocraftFile":
        """A file from the disk, through torch's restricted loader.

        Raises:
            InputError: it is missing, damaged, or another kind of file.
        """
        content = read_state(path)
        try:
            settings = yaml.safe_load(content["xp.cfg"])
            state = cast("dict[str, Any]", dict(content["best_state"]))
            if not isinstance(settings, dict):
                raise TypeError
        except (KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
            raise InputError(
                f"{path} holds no best_state and xp.cfg: it is not a file of audiocraft's"
            ) from error
        tensors = {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}
        return cls(path=path, state=tensors, settings=cast("dict[str, Any]", settings))

    def group(self, name: str, needed: Sequence[str]) -> dict[str, Any]:
        """A group of the settings, in which the needed entries are, references followed.

        Raises:
            InputError: there is no such group or entry.
        """
        found: Any = self.settings.get(name)
        for entry in needed:
            if not isinstance(found, dict) or entry not in found:
                raise InputError(f"the xp.cfg of {self.path} has no {name}.{entry}: fetch it again")
        group = cast("dict[str, Any]", found)
        return {entry: self._resolved(value) for entry, value in group.items()}

    def _resolved(self, value: Any) -> Any:  # noqa: ANN401 - any YAML
        """A value, or what it refers to: OmegaConf writes `${encodec.causal}` and the like."""
        # Ten, for a reference may lead to another but not for ever.
        for _ in range(10):
            reference = re.fullmatch(r"\$\{([\w.]+)\}", value) if isinstance(value, str) else None
            if reference is None:
                return value
            value = self.settings
            for step in reference[1].split("."):
                value = cast("dict[str, Any]", value).get(step) if isinstance(value, dict) else None
        raise InputError(f"the xp.cfg of {self.path} refers to itself: fetch it again")

    @contextmanager
    def describing(self) -> Generator[None]:
        """Whatever a network's class has against these settings, in one sentence."""
        try:
            yield
        # It raises what its own checks raise, of many kinds.
        except Exception as error:
            raise InputError(
                f"the xp.cfg of {self.path} does not describe its network: {error}"
            ) from error
