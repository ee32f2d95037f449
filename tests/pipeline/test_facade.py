import subprocess
import sys

import pytest

import auffusion


def test_importing_the_package_loads_neither_torch_nor_diffusers():
    code = (
        "import sys, auffusion; auffusion.__version__; dir(auffusion);"
        "sys.exit(bool({'torch', 'diffusers', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_it_names_it_has():
    for name in auffusion.__all__:
        assert getattr(auffusion, name) is not None
    assert set(dir(auffusion)) == set(auffusion.__all__)


def test_what_it_does_not_name_it_lacks():
    with pytest.raises(AttributeError, match="'nonsense'"):
        auffusion.nonsense  # noqa: B018
