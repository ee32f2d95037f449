"""Where the weights that ship with the package lie."""

from pathlib import Path

from auffusion.errors import InputError


def embedded_model() -> Path:
    """The folder of the small trained model that ships with the package.

    Raises:
        InputError: this installation has none.
    """
    folder = Path(__file__).parent / "embedded"
    if not (folder / "model_index.json").is_file():
        raise InputError(
            "this installation lacks the embedded model: install the package whole, or name "
            "another model"
        )
    return folder
