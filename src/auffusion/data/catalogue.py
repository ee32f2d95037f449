"""Every data set that can be prepared, by name."""

from auffusion.data.listing import DataSet
from auffusion.errors import InputError

DATA_SETS: dict[str, DataSet] = {
    data_set.name: data_set
    for data_set in ()
}
"""In the order of the paper's Table 4, then those beside the paper."""


def find_data_set(name: str) -> DataSet:
    """The data set of a name.

    Raises:
        InputError: there is none.
    """
    if name not in DATA_SETS:
        raise InputError(f"there is no data set {name!r}: choose of {', '.join(DATA_SETS)}")
    return DATA_SETS[name]
