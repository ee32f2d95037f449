"""The page about the pipeline is true: its code runs as it is printed, its links lead somewhere."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "stages" / "pipeline.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "code", re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
)
def test_the_code_of_the_page_runs(code):
    exec(compile(code, PAGE.name, "exec"), {})  # our own page, not input


def test_the_links_of_the_page_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)]+)\)", TEXT)
    assert links
    assert [link for link in links if not (PAGE.parent / link).is_file()] == []
