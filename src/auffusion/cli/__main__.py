"""`python -m auffusion.cli` is the command `auffusion`."""

import sys

from auffusion.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
