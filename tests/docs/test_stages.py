"""The pages about the stages are true: their code runs as it is printed."""

import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "stages"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.glob("*.md")))
def test_the_code_of_the_page_runs(page):
    text = (PAGES / page).read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})  # our own page, not input


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.glob("*.md")))
def test_the_links_of_the_page_lead_somewhere(page):
    text = (PAGES / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)]+)\)", text)
    assert links
    assert [link for link in links if not (PAGES / link).is_file()] == []
