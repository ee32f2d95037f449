"""The shipped configurations are read by their kinds and say what the paper says."""

from pathlib import Path

import pytest

from auffusion.config import read_config
from auffusion.errors import InputError
from auffusion.recipes.training_recipes import find_recipe, shipped_recipes
from auffusion.train.kinds import KINDS

RECIPES = shipped_recipes()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_configuration_of_its_kind(name):
    kind = KINDS[name if name in KINDS else "diffusion"]
    assert isinstance(read_config(kind.config, RECIPES[name]), kind.config)


@pytest.mark.parametrize("name", sorted(set(RECIPES) - set(KINDS)))
def test_the_papers_rows_are_trained_as_the_paper_says(name):
    """B.2: AdamW, 3e-5, constant, batch 20, 100 K steps; 10 % without text (§3.6)."""
    config = read_config(KINDS["diffusion"].config, RECIPES[name])
    loop = config.loop
    assert (loop.steps, loop.batch, loop.learning_rate) == (100_000, 20, 3e-5)
    assert loop.rate(0) == loop.rate(99_999) == 3e-5
    assert loop.average_decay == 0.9999
    assert config.objective.unconditional == 0.1
    assert config.model.from_scratch == ("scratch" in name)


def test_every_trained_row_of_the_papers_tables_has_a_recipe():
    assert {
        "auffusion",
        "auffusion-scratch",
        "auffusion-full",
        "auffusion-full-scratch",
        "clip",
        "clap",
        "flan-t5-base",
        "flan-t5-large",
        "clap-flan-t5-large",
        "riffusion",
    } <= RECIPES.keys()


@pytest.mark.parametrize(
    "name",
    [
        *("auffusion-full", "auffusion-full-scratch", "riffusion"),
        *("clip", "clap", "flan-t5-base", "flan-t5-large", "clap-flan-t5-large"),
    ],
)
def test_full_models_are_trained_on_all_eleven_data_sets(name):
    """Table 1's rows of 1990 hours, and every row of Tables 2 and 3 ("Auffusion-Full-with")."""
    data = read_config(KINDS["diffusion"].config, RECIPES[name]).data
    folders = [data.folder, *(more.folder for more in data.more)]
    assert len(set(folders)) == 11
    assert folders[0] == Path("data/audiocaps")


def test_a_recipe_is_found_by_name_or_file(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text("")
    assert find_recipe(own) == own
    assert find_recipe(Path("clap")) == RECIPES["clap"]
    with pytest.raises(InputError, match="no file gone, and no recipe of that name: auffusion,"):
        find_recipe(Path("gone"))
