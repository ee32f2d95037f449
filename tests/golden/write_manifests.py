"""Writes tests/golden/manifests: what every imitation of a data set is prepared to.

    python tests/golden/write_manifests.py

Read the change before you commit it: a golden says what a preparer is meant to do, not what it did.
"""

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "data/preparers"))

from imitations import NAMES, imitate, prepared_rows  # noqa: E402


def main() -> None:
    """Prepare every imitation and keep what came of it."""
    for name in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            imitate(name, Path(folder, "source"))
            clips, rejects = prepared_rows(name, Path(folder))
        lines = [json.dumps(row, ensure_ascii=False) for row in (*clips, *rejects)]
        (HERE / f"manifests/{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
