"""What the tutorial's page says, as far as it shows without an Airflow; tests/airflow/test_tutorial.py follows it."""

import re
from pathlib import Path

import pytest

from tests.airflow.page import Block, sections

REPOSITORY = Path(__file__).parents[1]
PAGE = sections(REPOSITORY / "docs" / "tutorial.md")


def test_the_list_on_the_page_is_that_of_the_example() -> None:
    """So the example in dags/ delivers what the page says."""
    [block] = PAGE["2. A list of customers"]
    [rows] = re.findall(r"<<'END'\n(.*)END\n", block.text, re.DOTALL)
    assert rows == (REPOSITORY / "dags" / "customers.csv").read_text()


def test_every_block_is_typed_saved_or_seen() -> None:
    """A block that the newcomer would pass over is none."""
    page = (REPOSITORY / "docs" / "tutorial.md").read_text()
    blocks = [block for section in PAGE.values() for block in section]
    assert len(blocks) == page.count("```") / 2
    assert {block.language for block in blocks} == {"bash", "python", "text"}


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        ("a … d\nf  1", True),
        ("a b\nx y", False),
        ("f 1\na b", False),
        ("e", True),
    ],
    ids=["in order", "missing", "in another order", "in the middle of a line"],
)
def test_what_the_page_shows_is_looked_for_line_by_line(shown: str, seen: bool) -> None:
    """The newcomer's eyes: dots are anything, spaces are as many as they like, and the order counts."""
    assert Block(language="text", caption="Terminal 1", text=f"{shown}\n").is_seen_in("a  b c d\ne\nf 1\n") is seen
