"""The guides are true: their commands and their code run, in the order in which they stand."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs/guides"
SOUNDS = ROOT / "tests/sounds"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def own_sounds(tmp_path):
    """A reader's folder, as the guide asks for one."""
    shutil.copytree(SOUNDS, tmp_path / "my-sounds")
    lines = [f"{path.name},the sound of a {path.stem}" for path in sorted(SOUNDS.glob("*.flac"))]
    (tmp_path / "my-sounds/metadata.csv").write_text("\n".join(["file_name,caption", *lines]))
    return tmp_path


def test_every_block_of_the_data_guide_runs(own_sounds):
    text = (GUIDES / "data.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert {language for language, _ in blocks} == {"bash", "python"}
    for language, code in blocks:
        command = ["bash", "-euc", f'PATH="{Path(sys.executable).parent}:$PATH"\n{code}']
        done = subprocess.run(
            command if language == "bash" else [sys.executable, "-c", code],
            cwd=own_sounds,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (own_sounds / "my-set-report/report.html").stat().st_size > 5000
    assert (own_sounds / "my-cache/latents/cache.json").is_file()


def test_every_command_of_the_training_guide_runs(own_sounds):
    text = (GUIDES / "training.md").read_text(encoding="utf-8")
    commands = [code for language, code in BLOCK.findall(text) if language == "bash"]
    assert len(commands) == 3
    for code in commands:
        # Two steps are trained as three hundred are.
        shorter = code.replace("loop.steps=300", "loop.steps=2")
        done = subprocess.run(
            ["bash", "-euc", f'PATH="{Path(sys.executable).parent}:$PATH"\n{shorter}'],
            cwd=own_sounds,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (own_sounds / "bell.wav").stat().st_size > 100_000
    assert (own_sounds / "my-run/model/README.md").is_file()
    assert list((own_sounds / "my-run/tensorboard").iterdir())


def test_every_block_of_the_attention_guide_runs(tmp_path):
    blocks = BLOCK.findall((GUIDES / "attention.md").read_text(encoding="utf-8"))
    assert [language for language, _ in blocks] == ["bash", "bash", "python"]
    for language, code in blocks:
        # Short sounds of few steps are watched as long ones of many are.
        shorter = code.replace("auffusion attention", "auffusion attention --steps 2 --length 0.64")
        shorter = shorter.replace("--steps 25", "")
        command = ["bash", "-euc", f'PATH="{Path(sys.executable).parent}:$PATH"\n{shorter}']
        done = subprocess.run(
            command if language == "bash" else [sys.executable, "-c", code],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "maps/page.html").stat().st_size > 50_000
    assert (tmp_path / "steps/maps.npz").is_file()


def test_every_block_of_the_measuring_guide_runs(own_sounds):
    blocks = BLOCK.findall((GUIDES / "measuring.md").read_text(encoding="utf-8"))
    assert [language for language, _ in blocks] == ["python", "bash", "bash", "bash"]
    for language, code in blocks:
        command = ["bash", "-euc", f'PATH="{Path(sys.executable).parent}:$PATH"\n{code}']
        done = subprocess.run(
            command if language == "bash" else [sys.executable, "-c", code],
            cwd=own_sounds,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if "auffusion compare" in code:
            assert re.search(r"^bad - good .* worse", done.stdout, re.MULTILINE)
    assert (own_sounds / "plots/intervals.png").stat().st_size > 5000


def test_every_block_of_the_guide_to_editing_with_words_runs(own_sounds, monkeypatch):
    from auffusion.cli import main

    monkeypatch.chdir(own_sounds)
    blocks = BLOCK.findall((GUIDES / "editing-words.md").read_text(encoding="utf-8"))
    assert [language for language, _ in blocks] == ["bash"] * 6 + ["python"]
    for language, code in blocks:
        if language == "python":
            exec(compile(code, "editing-words.md", "exec"), {})  # our own page, not input
            continue
        # One step over a second is walked as twenty-five over five.
        shorter = code.replace("\\\n", " ").replace("5.12", "1.28")
        words = [*shlex.split(shorter)[1:], "--steps", "1", "--device", "cpu"]
        assert main(words) == 0
    made = {path.name for path in own_sounds.glob("*.wav")}
    assert made == {"birds.wav", "steps.wav", "monster.wav", "local.wav", "tabla.wav"}
    assert len(list((own_sounds / "weights").glob("*.wav"))) == 2


def test_every_block_of_the_guide_to_editing_recordings_runs(own_sounds, monkeypatch):
    from auffusion.cli import main

    monkeypatch.chdir(own_sounds)
    blocks = BLOCK.findall((GUIDES / "editing.md").read_text(encoding="utf-8"))
    assert [language for language, _ in blocks] == [
        *["bash"] * 5,
        "python",
        *["bash"] * 2,
        "python",
    ]
    for language, code in blocks:
        if language == "python":
            exec(compile(code, "editing.md", "exec"), {})  # our own page, not input
            continue
        words = [*shlex.split(code.replace("\\\n", " "))[1:], "--device", "cpu"]
        # Two steps are walked as twenty-five are; a file that is made again says how many.
        assert main([*words, *(("--steps", "2") if words[0] == "edit" else ())]) == 0
    made = {path.name for path in own_sounds.glob("*.wav")}
    sounds = {"gap", "box", "longer", "circle", "telephone", "clear", "python"}
    assert made == {f"{name}.wav" for name in sounds}
    assert len(list((own_sounds / "gun").glob("*.wav"))) == 3


@pytest.mark.parametrize("page", sorted(path.name for path in GUIDES.glob("*.md")))
def test_the_links_of_a_guide_lead_somewhere(page):
    text = (GUIDES / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)]+)\)", text)
    assert [link for link in links if not (GUIDES / link).is_file()] == []


def test_the_data_guide_names_every_data_set():
    from auffusion.data.catalogue import DATA_SETS

    text = (GUIDES / "data.md").read_text(encoding="utf-8")
    for name in DATA_SETS:
        assert f"`{name}`" in text or (name.startswith("wavcaps-") and "`wavcaps-…`" in text), name
