"""The commands; nothing heavy is imported before one of them needs it."""

from auffusion.cli.main import main as main
