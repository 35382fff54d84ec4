"""What the pages say that can be looked up: links, commands, names, files, words of errors."""

import ast
import contextlib
import io
import re
import shlex
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from airflow_provider_tiktok.emulator import Emulator
from airflow_provider_tiktok.emulator.__main__ import parse as parse_emulator
from airflow_provider_tiktok.emulator.settings import Settings, changed, from_words
from airflow_provider_tiktok.provider_info import get_provider_info
from tests.docs.names import airflow_names, our_names
from tests.docs.pages import DOCS, REPOSITORY, SNIPPETS, blocks, code_font, commands, consoles, name_of, pages

PAGES = pytest.mark.parametrize("page", pages(), ids=name_of)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)")
NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+|[A-Z]\w*(?:Operator|Sensor|Hook|Trigger|Link|Error|Group)|TikTok\w+")


def without_blocks(page: Path) -> str:
    return re.sub(r"(?ms)^(```+|:::+).*?^\1$", "", page.read_text())


@PAGES
def test_each_link_to_a_page_leads_somewhere(page: Path) -> None:
    """The file is there, and so is the heading."""
    for link in LINK.findall(without_blocks(page)):
        url = urlsplit(link)
        if url.scheme:
            assert url.scheme == "https", link
            continue
        target = (page.parent / url.path).resolve() if url.path else page
        assert target.is_file(), f"{link}: there is no such file"
        if url.fragment:
            assert url.fragment in anchors(target), f"{link}: there is no such heading"


def anchors(page: Path) -> set[str]:
    """Addresses of the headings, as GitHub and MyST make them."""
    headings = re.findall(r"(?m)^#+ (.+)$", without_blocks(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_page_is_in_the_contents() -> None:
    """Whatever is written can be found from the home page."""
    listed = re.findall(r"(?ms)^```\{toctree\}.*?^```$", (DOCS / "index.md").read_text())
    names = {line for block in listed for line in block.splitlines()}
    assert {name_of(page).removesuffix(".md") for page in pages()} - {"index"} <= names


def airflow_says(words: list[str]) -> str:
    """What Airflow's own parser objects to; empty when nothing."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            airflow_parser().parse_args(words)
        except SystemExit:
            return said.getvalue()
    return ""


@cache
def airflow_parser():
    from airflow.cli.cli_parser import get_parser

    return get_parser()


def airflow_words(line: str) -> list[str]:
    """Arguments of a command of Airflow's or ours; empty for other lines."""
    words = shlex.split(line)
    if words[:1] == ["airflow"]:
        return words[1:]
    return ["tiktok", *words[3:]] if words[:3] == ["python", "-m", "airflow_provider_tiktok"] else []


def told(line: str) -> bool:
    return line.startswith(("airflow ", "python -m airflow_provider_tiktok ")) and "…" not in line


@pytest.mark.airflow_3
@PAGES
def test_each_command_is_one(page: Path) -> None:
    """Airflow's parser takes each command line of a block as it is, and knows each command that the text names.

    One of Airflow 2 is known to the parser of Airflow 3 as removed.
    """
    for line in filter(told, consoles(page)):
        objection = airflow_says(airflow_words(line))
        assert not objection or "has been removed" in objection, objection
    for line in filter(told, code_font(page)):
        objection = airflow_says(airflow_words(line))
        assert not objection or "arguments are required" in objection, objection


@PAGES
def test_the_emulator_starts_as_the_page_says(page: Path) -> None:
    """Its parser takes the options, and it has the settings."""
    for line in commands(page):
        if line.startswith("python -m airflow_provider_tiktok.emulator"):
            options = parse_emulator(shlex.split(line)[3:])
            changed(Settings(), from_words(options.set))


@PAGES
def test_each_call_of_the_emulator_works(page: Path, tiktok: Emulator) -> None:
    """Every curl line that goes to the emulator is run."""
    for line in consoles(page):
        if line.startswith("curl ") and "/_emulator/" in line:
            words = shlex.split(line)
            [url] = [word for word in words if word.startswith("http://127.0.0.1:")]
            data = words[words.index("-d") + 1] if "-d" in words else None
            path = urlsplit(url).path
            answer = requests.request("POST" if data else "GET", tiktok.url + path, data=data, timeout=10)
            assert answer.status_code == 200, f"{line}: {answer.text}"


@pytest.mark.airflow_3
@pytest.mark.parametrize("page", [one for one in pages() if one.parent.name == "how-to"], ids=name_of)
def test_commands_on_storage_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`deliveries` and `prune` of the page end without an error, on an empty root."""
    from airflow_provider_tiktok.cli import main

    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", tmp_path.as_uri())
    for line in filter(told, commands(page)):
        words = airflow_words(line)[1:]
        if words[:1] == ["deliveries"] or (words[:1] == ["prune"] and len(words) > 1):
            main([*words, *(["--yes"] if words[0] == "prune" and "--yes" not in words else [])])


@pytest.mark.airflow_3
@PAGES
def test_each_name_exists(page: Path) -> None:
    """What is in code font and looks like a class, a parameter, a field or an option is one, ours or Airflow's."""
    known = our_names() | airflow_names()
    used = {name for text in code_font(page) if "/" not in text for name in NAME.findall(text)}
    assert sorted(used - known) == []


@PAGES
def test_no_python_is_written_into_a_page(page: Path) -> None:
    """Each block of Python stands in a file that a test runs: an example DAG, or a file of docs/snippets/."""
    run = [path.read_text() for folder in (REPOSITORY / "dags", SNIPPETS) for path in folder.rglob("*.py")]
    for block in blocks(page):
        if block.head in {"python", "py", "{code-block} python"}:
            assert any(f"\n{block.body}" in text for text in run), block.body
        if block.head.startswith("{literalinclude} ") and block.head.endswith(".py"):
            source = (page.parent / block.head.split()[1]).resolve()
            assert source.is_relative_to(REPOSITORY / "dags") or source.is_relative_to(SNIPPETS), block.head


@PAGES
def test_each_option_of_a_configuration_exists(page: Path) -> None:
    """What a page puts under [tiktok] is an option of ours."""
    options = get_provider_info()["config"]["tiktok"]["options"]
    for block in (block for block in blocks(page) if block.head == "ini"):
        parser = ConfigParser()
        parser.read_string(block.body)
        assert set(parser["tiktok"]) <= set(options)


@PAGES
def test_each_file_is_there(page: Path) -> None:
    """Tests, examples and modules that a page names are in the repository."""
    for text in code_font(page):
        if re.fullmatch(r"(tests|dags|benchmarks|airflow_provider_tiktok|docs)/[\w/.-]+", text):
            assert (REPOSITORY / text).exists(), text


@cache
def spoken() -> str:
    """All texts in the package's code, side by side."""
    sources = (REPOSITORY / "airflow_provider_tiktok").rglob("*.py")
    constants = (node for path in sources for node in ast.walk(ast.parse(path.read_text())))
    return "\n".join(node.value for node in constants if isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize("name", ["reference/errors.md", "how-to/tokens.md"])
def test_words_of_errors_are_said(name: str) -> None:
    """What a table quotes from errors stands in the code."""
    rows = re.findall(r"(?m)^\|([^|\n]+)\|", (DOCS / name).read_text())
    quoted = [text for row in rows for text in re.findall(r"`([^`]+ [^`]+)`", row)]
    assert quoted
    assert [text for text in quoted if text not in spoken()] == []
