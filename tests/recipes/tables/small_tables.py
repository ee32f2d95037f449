"""What small tables are made of: sounds laid out as AudioCaps, published lists, recipes."""

import csv
import json
import string
from pathlib import Path

import soundfile as sf

from auffusion.recipes.tables.published_list import PUBLISHED_LISTS

SOUNDS = Path(__file__).parents[2] / "sounds"
CAPTIONS = {
    "bell": "A bell rings",
    "door": "A door opens and then closes",
    "drums": "Drums are played while a crowd cheers",
    "guitar": "A guitar is strummed",
    "phone": "A phone rings followed by a man talking",
    "printer": "A printer runs as paper rustles and people talk",
    "roll": "A ball rolls on wood, hits a pin, and people clap",
    "steam": "Steam hisses",
    "till": "Coins jingle",
    "vinyl": "A record crackles",
}


def video(name):
    """A YouTube identifier; one begins with a Y, as many do."""
    return f"Y{name:-<10}" if name == "roll" else f"{name:_<11}"


def write_source(folder, names):
    """The published lists and sounds."""
    folder.mkdir(parents=True)
    for split in ("train", "val", "test"):
        with (folder / f"{split}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["audiocap_id", "youtube_id", "start_time", "caption"])
            for number, name in enumerate(names if split == "test" else []):
                for take in range(5):
                    words = CAPTIONS[name] if take == 0 else f"{name}, take {take}"
                    rows.writerow([100 * number + take, video(name), 30, words])
    for name in names:
        samples, rate = sf.read(SOUNDS / f"{name}.flac")
        sf.write(folder / f"{video(name)}_30.wav", samples, rate)


def listed_video(number):
    digits = string.ascii_letters + "0123456789-_"
    return "".join(digits[(number // 64**place) % 64] for place in range(11))


def write_list(path, name, rows):
    """A list as its authors wrote it; rows are (stem, caption)."""
    known = PUBLISHED_LISTS[name]
    objects = [
        {known.path_key: f"/somewhere/else/{stem}.wav", known.caption_key: caption, "x": 1}
        for stem, caption in rows
    ]
    if name == "audioldm-964":
        path.write_text(json.dumps({"data": objects}, indent=4))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in objects))
    return path


def rows_of(name):
    """As many as the list has, with as many different captions."""
    known = PUBLISHED_LISTS[name]
    different = known.captions or known.clips
    start = "" if name == "audioldm-964" else "_30"
    front = "Y" if name == "audioldm-964" else ""
    return [
        (f"{front}{listed_video(number)}{start}", f"sound {number % different}")
        for number in range(known.clips)
    ]


TABLE = """
kind = "{kind}"
title = "A small table"
source = "nowhere"
protocol = "auffusion-2024"
draws = 10
scores = ["fd_cnn14", "kl_cnn14", "clap_htsat_unfused"]
printed = ["fd_cnn14", "clap_htsat_unfused"]
{more}
[sampling]
steps = 1
length_s = 0.5
scheduler = "ddim"
[spread]
fd_cnn14 = 0.4
[list.clips]
kind = "clips"
title = "Clips"
data = "{data}"
first_s = 0.5
"""

SYSTEMS = """
[system.tiny]
kind = "model"
title = "Tiny"
model = "TINY"
[system.tiny.paper]
clips = [1000000.0, 50.0]
[system.other]
kind = "model"
title = "Nobody's"
how = "train it"
[system.shuffled]
kind = "shuffled"
title = "Shuffled"
of = "tiny"
[system.silence]
kind = "silence"
title = "Silence"
[system.real]
kind = "recordings"
title = "Recordings"
"""
