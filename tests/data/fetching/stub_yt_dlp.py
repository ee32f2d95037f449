"""Stands in for yt-dlp: a command that does what a plan says of each video, and keeps a diary.

The plan, `plan.json` beside it, gives for an id the sound to copy (`sound`), the error to die of
(`error`), that it hangs with half a file written (`hang`), or that it does nothing (`nothing`).
"""

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def main(words):
    with (HERE / "diary.jsonl").open("a") as diary:
        diary.write(json.dumps({"words": words, "pid": os.getpid()}) + "\n")
    assert words[-2] == "--"
    youtube_id = re.fullmatch(r"https://www\.youtube\.com/watch\?v=([\w-]{11})", words[-1])[1]
    output = next(word.partition("=")[2] for word in words if word.startswith("--output="))
    made = Path(output.replace("%(ext)s", "flac"))
    action, value = json.loads((HERE / "plan.json").read_text())[youtube_id]
    if action == "sound":
        shutil.copy(value, made)
        return 0
    if action == "nothing":
        return 0
    if action == "hang":
        content = Path(value).read_bytes()
        made.write_bytes(content[: len(content) // 2])
        (HERE / "hanging").touch()
        time.sleep(600)
    sys.stderr.write(f"WARNING: [youtube] {youtube_id}: Some formats may be missing\n")
    sys.stderr.write(f"ERROR: {value}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
