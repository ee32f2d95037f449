"""Moved to `auffusion.studio.devices`; here until nothing looks for it under its old name."""

from auffusion.studio.devices import choose_device as choose_device
