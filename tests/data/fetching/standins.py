"""Packages that stand in for the real ones: their names, signatures and the layout they leave.

Written into a folder of the test that is put on `sys.path`; their archives come from a folder
`published` beside them instead of the network.
"""

# Signatures and behaviour as in the wheel of soundata 1.0.1: `soundata/__init__.py` (initialize),
# `core.py` (Dataset.download), `download_utils.py` (RemoteFileMetadata, downloader,
# download_from_remote, download_zip_file). Read at https://pypi.org/project/soundata/1.0.1/.
SOUNDATA = """
import importlib

DATASETS = ["esc50", "urbansound8k", "fsd50k"]


def initialize(dataset_name, data_home=None, version="default"):
    if dataset_name not in DATASETS:
        raise ValueError("Invalid dataset {}".format(dataset_name))
    core = importlib.import_module("soundata.core")
    return core.Dataset(dataset_name, data_home=data_home, version=version)
"""
SOUNDATA_CORE = """
import os
import shutil
import zipfile

from soundata import download_utils

REMOTES = {
    "esc50": {"all": "ESC-50-master.zip"},
    "urbansound8k": {"all": "UrbanSound8K.zip"},
    "fsd50k": {
        "FSD50K.dev_audio": ["FSD50K.dev_audio.zip", "FSD50K.dev_audio.z01"],
        "FSD50K.eval_audio": ["FSD50K.eval_audio.zip"],
        "ground_truth": "FSD50K.ground_truth.zip",
        "metadata": "FSD50K.metadata.zip",
    },
}
UNPACK_DIRECTORIES = {"esc50": "ESC-50-master", "urbansound8k": "UrbanSound8K"}


class Dataset:
    def __init__(self, name, data_home=None, version="default"):
        self.name, self.data_home = name, data_home
        self.remotes = dict(REMOTES[name])

    def download(self, partial_download=None, force_overwrite=False, cleanup=False):
        self.remotes["index"] = "index.json"
        wanted = partial_download or list(self.remotes)
        if not isinstance(wanted, list) or any(one not in self.remotes for one in wanted):
            raise ValueError("partial_download must be a list")
        for name in wanted:
            assert not isinstance(self.remotes[name], list), "zip -s 0 is broken there"
            path = download_utils.download_from_remote(
                self.remotes[name], self.data_home, force_overwrite
            )
            with zipfile.ZipFile(path) as archive:
                archive.extractall(self.data_home)
        if inner := UNPACK_DIRECTORIES.get(self.name):
            inner = os.path.join(self.data_home, inner)
            for entry in os.listdir(inner):
                if not os.path.exists(os.path.join(self.data_home, entry)):
                    shutil.move(os.path.join(inner, entry), self.data_home)
            shutil.rmtree(inner)
"""
SOUNDATA_DOWNLOAD_UTILS = """
import os
import shutil
import urllib.error

PUBLISHED = os.path.join(os.path.dirname(os.path.dirname(__file__)), "published")


def download_from_remote(remote, save_dir, force_overwrite):
    target = os.path.join(save_dir, remote)
    if not os.path.exists(target) or force_overwrite:
        if not os.path.exists(os.path.join(PUBLISHED, remote)):
            raise urllib.error.URLError("[Errno -2] Name or service not known")
        shutil.copy(os.path.join(PUBLISHED, remote), target)
    if os.path.getsize(target) != os.path.getsize(os.path.join(PUBLISHED, remote)):
        raise IOError(
            "{} has an MD5 checksum ({}) differing from expected ({}), "
            "file may be corrupted.".format(target, "0", "1")
        )
    return target
"""

# Signatures and behaviour as in the source distribution of aac-datasets 0.7.0:
# `datasets/functional/clotho.py` (download_clotho_dataset) and `macs.py` (download_macs_dataset).
# Read at https://pypi.org/project/aac-datasets/0.7.0/.
CLOTHO = """
import os
import shutil

PUBLISHED = os.path.join(os.path.dirname(__file__), "../../../published")
SPLITS = {"dev": "development", "val": "validation", "eval": "evaluation"}


def download_clotho_dataset(
    root=None, subset="dev", force=False, verbose=0, verify_files=True,
    *, clean_archives=True, version="v2.1",
):
    if not os.path.isdir(root):
        raise RuntimeError(f"Cannot find root directory '{root}'.")
    name = SPLITS[subset]
    home = os.path.join(root, f"CLOTHO_{version}")
    for folder in ("archives", "clotho_audio_files", "clotho_csv_files"):
        os.makedirs(os.path.join(home, folder), exist_ok=True)
    for kind in ("captions", "metadata"):
        table = os.path.join(PUBLISHED, f"clotho_{kind}_{name}.csv")
        if not os.path.isfile(table):
            raise RuntimeError(f"Invalid checksum for file 'clotho_{kind}_{name}.csv'.")
        shutil.copy(table, os.path.join(home, "clotho_csv_files"))
    target = os.path.join(home, "clotho_audio_files", name)
    shutil.copytree(os.path.join(PUBLISHED, name), target, dirs_exist_ok=True)
"""
MACS = """
import os
import shutil

PUBLISHED = os.path.join(os.path.dirname(__file__), "../../../published")


def download_macs_dataset(
    root=None, subset="full", force=False, verbose=0, verify_files=True, *, clean_archives=True
):
    if not os.path.isdir(root):
        raise RuntimeError(f"Cannot find root directory '{root}'.")
    home = os.path.join(root, "MACS")
    for folder in ("archives", "audio", "tau_meta"):
        os.makedirs(os.path.join(home, folder), exist_ok=True)
    for name in ("MACS.yaml", "MACS_competence.csv"):
        shutil.copy(os.path.join(PUBLISHED, name), home)
    with open(os.path.join(home, "MACS.yaml")) as file:
        told = file.read()
    for here, _, files in os.walk(PUBLISHED):
        for name in files:
            if name.endswith(".wav") and name in told:
                shutil.copy(os.path.join(here, name), os.path.join(home, "audio"))
"""

FILES = {
    "soundata/__init__.py": SOUNDATA,
    "soundata/core.py": SOUNDATA_CORE,
    "soundata/download_utils.py": SOUNDATA_DOWNLOAD_UTILS,
    "aac_datasets/__init__.py": "",
    "aac_datasets/datasets/__init__.py": "",
    "aac_datasets/datasets/functional/__init__.py": "",
    "aac_datasets/datasets/functional/clotho.py": CLOTHO,
    "aac_datasets/datasets/functional/macs.py": MACS,
}
