"""Parts of the reference that are read from the code when the pages are built, so that they cannot be wrong.

An empty fenced block ``{from-code} <part>`` stands where a part goes; the parts are the functions in PARTS.
"""

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from airflow_provider_tiktok import errors
from airflow_provider_tiktok.api import resolution
from airflow_provider_tiktok.cli import get_cli_commands
from airflow_provider_tiktok.emulator import control, routes, settings, world
from airflow_provider_tiktok.provider_info import get_provider_info

MENTION = re.compile(r"^```\{from-code\} (\S+)\n```$", re.MULTILINE)


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """A Markdown table."""
    head = list(head)
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
    yield ""


def commands() -> Iterator[str]:
    """Each command with its options."""
    [group] = get_cli_commands()
    for command in group.subcommands:
        yield f"## {command.name}\n"
        yield f"`airflow tiktok {command.name}` · `python -m airflow_provider_tiktok {command.name}`\n"
        yield f"{command.description or command.help}.".replace("..", ".") + "\n"
        yield from table(("Option", "Meaning"), ((f"`{', '.join(one.flags)}`", _help(one)) for one in command.args))


def _help(argument: Any) -> str:
    text = str(argument.kwargs.get("help", "")).replace("%%", "%")
    choices = argument.kwargs.get("choices")
    return f"{text} ({', '.join(choices)})" if choices and str(choices[0]) not in text else text


def configuration() -> Iterator[str]:
    """The options of airflow.cfg."""
    options = get_provider_info()["config"]["tiktok"]["options"]
    rows = (
        (f"`{name}`", one["description"], f"`{one['example']}`" if one["example"] else "")
        for name, one in options.items()
    )
    yield from table(("Option", "Meaning", "Example"), rows)


def codes() -> Iterator[str]:
    """TikTok's codes and what they become."""
    known = sorted(
        resolution.PAUSE_CODES | resolution.OUTAGE_CODES | resolution.EXPIRED_TOKEN_CODES | resolution.AUTH_CODES
    )
    found = [(code, type(resolution.error_for(code, "", None)).__name__) for code in known]
    rows = [(code, f"`{name}`", resolution.CURES.get(code, "")) for code, name in found]
    yield from table(("Code", "Error", "Cure"), [*rows, ("any other", "`RejectedError`", "read TikTok's message")])


def error_types() -> Iterator[str]:
    """The classes of errors."""
    types = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.TikTokError)]
    cures = dict(re.findall(r"^(\w+Error) {2,}(.+)$", str(errors.__doc__), re.MULTILINE))
    rows = ((f"`{one.__name__}`", inspect.getdoc(one), cures.get(one.__name__, "")) for one in types)
    yield from table(("Error", "Means", "What to do"), rows)


def endpoints() -> Iterator[str]:
    """What the emulator serves."""
    rows = (
        (route.method, f"`{route.path}`", route.scope or "", inspect.getdoc(route.handler).split(": ", 1)[-1])
        for route in routes.ROUTES.values()
    )
    yield from table(("Method", "Path", "Scope", "Does"), rows)


def emulator_commands() -> Iterator[str]:
    """Commands under /_emulator/."""
    rows = ((one["method"], f"`{one['path']}`", ", ".join(one["arguments"]), one["about"]) for one in control.index())
    yield from table(("Method", "Path", "Arguments", "Does"), rows)


def emulator_settings() -> Iterator[str]:
    """Switches of the emulator."""
    default = settings.Settings()
    rows = ((f"`{name}`", f"`{getattr(default, name)}`", text) for name, text in documented(settings, "Settings"))
    yield from table(("Setting", "Default", "Meaning"), rows)


def emulator_world() -> Iterator[str]:
    """Who exists in the emulator."""
    rows = ((f"`{name}`", f"`{getattr(world, name)}`", text) for name, text in documented(world))
    yield from table(("Name", "Value", "Is"), rows)


def documented(module: Any, of_class: str = "") -> Iterator[tuple[str, str]]:
    """Names that are followed by a text in the source, with it."""
    body: list[ast.stmt] = ast.parse(Path(module.__file__).read_text()).body
    if of_class:
        body = next(one for one in body if isinstance(one, ast.ClassDef) and one.name == of_class).body
    for one, after in pairwise(body):
        target = (
            one.target if isinstance(one, ast.AnnAssign) else one.targets[0] if isinstance(one, ast.Assign) else None
        )
        if isinstance(target, ast.Name) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            yield target.id, inspect.cleandoc(str(after.value.value))


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "commands": commands,
    "configuration": configuration,
    "codes": codes,
    "error-types": error_types,
    "endpoints": endpoints,
    "emulator-commands": emulator_commands,
    "emulator-settings": emulator_settings,
    "emulator-world": emulator_world,
}


def put_in(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Replace each mention of a part by its Markdown, before the page is parsed."""
    source[0] = MENTION.sub(lambda found: "\n".join(PARTS[found[1]]()), source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Have every page looked through."""
    app.connect("source-read", put_in)
    return {"parallel_read_safe": True}
