"""What every test runs under: no network and no hub."""

import os
import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ["HF_HUB_OFFLINE"] = "1"
# Tiny networks gain nothing from a second thread, and beside other work each operator would wait
# for the slower core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_LOCAL = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A test that reaches for the network fails there, and does not hang."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOCAL):
            raise RuntimeError(f"a test tried to connect to {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
