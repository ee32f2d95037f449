"""What every test runs under: no network and no hub; goldens are never written by chance."""

import os
import socket
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

_LOCAL = ("127.", "::1", "localhost")


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


@pytest.fixture
def golden(request):
    """Path of a golden file; a missing one fails unless --update-golden writes it."""
    writing = request.config.getoption("--update-golden")

    def find(name, write):
        path = Path(__file__).parent / "golden" / name
        if writing:
            path.parent.mkdir(exist_ok=True)
            write(path)
        if not path.is_file():
            pytest.fail(f"the golden file {path.name} is missing: make golden")
        return path

    return find


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A test that reaches for the network fails there, and does not hang."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOCAL):
            raise RuntimeError(f"a test tried to connect to {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
