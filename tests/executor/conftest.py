import os
import secrets
import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
# Workers are named by module and made in other processes: `workers` must be found there too.
sys.path.insert(0, HERE)


@pytest.fixture(scope="session")
def ray_token():
    """What Ray reads, here and in processes started from here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(16))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]))
        # Ray reads them as it is imported.
        pytest.importorskip("ray", reason="make test-all installs Ray")
        yield


@pytest.fixture(scope="session")
def ray_here(request):
    """A local Ray of two CPUs, shared by the tests that want one."""
    request.getfixturevalue("ray_token")
    import ray

    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80 << 20)
    yield ray
    ray.shutdown()
