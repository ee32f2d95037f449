"""Moved to `auffusion.studio.rows`; here until nothing looks for it under its old name."""

from auffusion.studio.rows import Row as Row
from auffusion.studio.rows import read_rows as read_rows
