"""All files below a folder of the snapshot root: listed at once, read side by side, removed."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_tiktok.errors import ConfigurationError, TikTokError
from airflow_provider_tiktok.snapshots.files import StoragePath

READERS = 16
"""Files that are read at a time: reading small files from object storage is waiting."""


class StoredPath(StoragePath, Protocol):
    """A path that knows its filesystem, as ``ObjectStoragePath`` does for local files too."""

    @property
    def fs(self) -> Any:
        """The filesystem of ``fsspec``."""
        ...

    @property
    def path(self) -> str:
        """The path inside of the filesystem."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """When a file was written, by the clock of the storage, and its bytes."""

    modified: datetime
    size: int


@contextmanager
def reaching(place: object) -> Iterator[None]:
    """Tell any failure of the storage, of which each kind has errors of its own, as one that a person can mend."""
    try:
        yield
    except TikTokError:
        raise
    except Exception as error:
        told = str(error) or "no more is told"
        raise ConfigurationError(f"{place} cannot be reached: {type(error).__name__}: {told}") from error


def list_tree(folder: StoredPath) -> dict[str, StoredFile]:
    """Every file below a folder as it is now, by its path from there; none when there is no such folder.

    One listing for all, not one for each folder: of thousands of folders that takes a bucket many minutes.
    """
    found = dict[str, StoredFile]()
    with reaching(folder):
        fs = folder.fs
        fs.invalidate_cache()  # a listing kept from before would hide what others wrote since
        top = _inside(folder)
        for name, info in _find(fs, top).items():
            with suppress(FileNotFoundError):  # such as a claim that was given back meanwhile
                if name.startswith(f"{top}/") and info["type"] != "directory":
                    file = StoredFile(modified=fs.modified(name), size=info.get("size") or 0)
                    found[name[len(top) + 1 :]] = file
    return found


def read_each(folder: StoredPath, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Content of JSON files in the order of their names; ``None`` for one that is not JSON. Those gone are left out."""
    names = list(names)
    with reaching(folder), ThreadPoolExecutor(READERS, thread_name_prefix="tiktok-read") as threads:
        for name, content in zip(names, threads.map(partial(_read, folder), names), strict=True):
            if content is not _GONE:
                yield name, content


def remove_files(folder: StoredPath, names: Iterable[str]) -> None:
    """Remove files below a folder in this order; on a local disk the folders around them go too when they are empty."""
    with reaching(folder):
        fs, top = folder.fs, _inside(folder)
        paths = [f"{top}/{name}" for name in names]
        for path in paths:
            with suppress(FileNotFoundError):
                fs.rm_file(path)
    if isinstance(fs, LocalFileSystem):
        parents = {Path(path).parent for path in paths}
        folders = parents | {parent.parent for parent in parents}
        for empty in sorted(folders, key=lambda one: len(one.parts), reverse=True):
            if Path(top) in empty.parents:
                with suppress(OSError):  # not empty
                    empty.rmdir()


_GONE = object()


def _read(folder: StoredPath, name: str) -> Any:
    try:
        with (folder / name).open("rb") as file:
            return json.loads(file.read())
    except FileNotFoundError:
        return _GONE
    except ValueError:
        return None


def _find(fs: Any, top: str) -> dict[str, dict[str, Any]]:
    """All files below. A folder that may not be read is an error; ``fsspec`` would leave it out, and a log with it."""
    if type(fs).find is not AbstractFileSystem.find:  # as of S3, which lists all at once
        return cast("dict[str, dict[str, Any]]", fs.find(top, detail=True))
    found, folders = dict[str, dict[str, Any]](), [top]
    while folders:
        folder = folders.pop()
        with suppress(FileNotFoundError):
            for info in fs.ls(folder, detail=True):
                name = info["name"]
                if info["type"] == "directory" or (info["type"] != "file" and fs.isdir(name)):  # as a link to one
                    folders += [name] if name != folder else []
                else:
                    found[name] = info
    return found


def _inside(folder: StoredPath) -> str:
    return cast("str", folder.fs._strip_protocol(folder.path)).rstrip("/")
