"""Objects in a folder or a bucket: created once, never written again.

The same few calls over `file:///…` and `s3://bucket/prefix`, by obstore.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from totes.errors import ConfigurationError, DamageError, TransientError

BLOCK = 1 << 20


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Store:
    """The objects under one URL. `setting` is the name of the setting that holds it, for messages.

    What `put` has returned from is durable: on a local disk it has been fsynced, and so has its
    folder. Raises ConfigurationError where the URL or its permissions are at fault, TransientError
    where storage is away.
    """

    def __init__(self, url: str, cache: Path, *, setting: str) -> None:
        self.url, self._cache, self._setting = url, cache, setting
        parts = urlsplit(url)
        self._root = Path(unquote(parts.path)) if parts.scheme == "file" else None
        if parts.scheme not in {"file", "s3"} or (self._root and not self._root.is_absolute()):
            raise ConfigurationError(
                f"{setting} = {url!r} is neither file:///FOLDER nor s3://BUCKET/PREFIX",
                hint=f"{setting}=file:///absolute/path/to/a/folder",
            )

    @cached_property
    def _store(self) -> ObjectStore:
        """The store, made when it is first needed: to look at a lake must not make its folder."""
        return LocalStore(self._root, mkdir=True) if self._root else from_url(self.url)

    @property
    def _is_there(self) -> bool:
        return self._root is None or self._root.is_dir()

    @contextmanager
    def _translated(self, key: str = "") -> Iterator[None]:
        where = f"{self._setting} ({self.url}{'/' + key if key else ''})"
        try:
            yield
        except (AlreadyExistsError, FileNotFoundError):
            raise
        except (PermissionError, NotADirectoryError) as error:
            raise ConfigurationError(
                f"{where}: {type(error).__name__}: it cannot be read or written",
                hint=f"check the permissions, or name another place in {self._setting}",
            ) from error
        except (BaseError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            if "ermission denied" in reason or "Not a directory" in reason:
                raise ConfigurationError(
                    f"{where}: {reason}",
                    hint=f"name a place that can be written in {self._setting}",
                ) from error
            raise TransientError(f"{where}: {reason}", hint="run again") from error

    def put(self, key: str, content: bytes | Path) -> bool:
        """Create an object; False, and nothing changed, if there is one under that key already."""
        with self._translated(key):
            try:
                obstore.put(self._store, key, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
            if self._root is not None:
                self._make_durable(self._root / key)
        return True

    def _make_durable(self, path: Path) -> None:
        """Make a new file, and the folders that lead to it, outlive a power cut."""
        root = self._root
        for part in (path, *path.parents):
            descriptor = os.open(part, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if part == root:
                return

    def get(self, key: str) -> bytes | None:
        """An object's content; None if there is none."""
        if not self._is_there:
            return None
        with self._translated(key):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except FileNotFoundError:
                return None

    def fetch(self, key: str, digest: str) -> Path:
        """An object as a file on this machine, its content checked against its SHA-256.

        Raises DamageError if it is missing or is not what it was.
        """
        path = self._root / key if self._root else self._download(key, digest)
        if not path.exists():
            raise DamageError(f"{self.url}/{key} is missing", hint="totes verify lists all damage")
        if sha256(path) != digest:
            raise DamageError(
                f"{self.url}/{key} is not what its manifest says: its SHA-256 differs",
                hint="totes verify lists all damage; bring the object back from a backup",
            )
        return path

    def _download(self, key: str, digest: str) -> Path:
        path = self._cache / digest
        if path.exists():
            return path
        self._cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        with self._translated(key):
            try:
                stream = obstore.get(self._store, key).stream(min_chunk_size=BLOCK)
            except FileNotFoundError:
                return path
            with part.open("wb") as file:
                for chunk in stream:
                    file.write(chunk)
        return part.replace(path)

    def names(self, folder: str) -> list[str]:
        """The last parts of the names in `folder`, objects and folders alike, sorted."""
        if not self._is_there:
            return []
        with self._translated(folder):
            listing = obstore.list_with_delimiter(self._store, folder)
        objects = [entry["path"] for entry in listing["objects"]]
        return sorted(path.rsplit("/", 1)[-1] for path in (*listing["common_prefixes"], *objects))
