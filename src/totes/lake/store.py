"""Objects in a folder or a bucket: created once, never written again.

The same few calls over `file:///…`, by Python itself, and `s3://bucket/prefix`, by obstore. (Its
own local store syncs nothing, and takes six times as long to read a small file.)
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore

from totes.duck import FULL
from totes.errors import ConfigurationError, DamageError, TransientError
from totes.lake.ahead import Readers
from totes.lake.bucket import Bucket

BLOCK = 1 << 20
AT_ONCE = 32  # requests to a bucket, each of which takes some 30 ms however many there are

# What storage says when trying again is of no use.
MISTAKEN = re.compile(
    r"ermission ?denied|Not a directory|No such file|Read-only file system|403 Forbidden"
    r"|File name too long|AccessDenied|NoSuchBucket|InvalidAccessKeyId|SignatureDoesNotMatch"
)

MISPLACED = (PermissionError, FileNotFoundError, FileExistsError, NotADirectoryError)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Make a file's content, or a folder's list of names, outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path, content: bytes | Path, root: Path) -> bool:
    """Create a file that is there whole and for good, or not at all; False if there is one.

    Its content is synced before it has its name, and the folders that lead to it, those above
    `root` that had to be made included, before this returns. Else, after a power
    cut, a file could be there, and be empty.
    """
    there = next(folder for folder in path.parents if folder.exists())
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f".{path.name}.{uuid4().hex}"
    try:
        if isinstance(content, bytes):
            part.write_bytes(content)
        else:
            shutil.copyfile(content, part)
        _sync(part)
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    for folder in path.parents:
        _sync(folder)
        if root.is_relative_to(folder) and there.is_relative_to(folder):
            break
    return True


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


class Store:
    """The objects under one URL. `setting` is the name of the setting that holds it, for messages.

    What `put` has returned from is durable: on a local disk it has been fsynced, and so has its
    folder. Raises ConfigurationError where the URL or its permissions are at fault, TransientError
    where storage is away.
    """

    def __init__(self, url: str, cache: Path, *, setting: str) -> None:
        self.url, self._cache, self._setting = url, cache, setting
        self._bucket = Bucket(url)
        self._disk: int | None = None
        parts = urlsplit(url)
        self._root = Path(unquote(parts.path)) if parts.scheme == "file" else None
        is_place = parts.scheme == "s3" if self._root is None else self._root.is_absolute()
        # a file has no host and a bucket must have a name: else another place would be meant
        is_whole = bool(parts.netloc) == (parts.scheme == "s3") and "\0" not in unquote(url)
        # what urlsplit() takes for no part of the path, or leaves out without a word
        is_plain = not re.search(r"[?#\t\r\n]|^[\0- ]", url)
        if not (is_place and is_whole and is_plain):
            raise ConfigurationError(
                f"{setting} = {url!r} is neither file:///FOLDER nor s3://BUCKET/PREFIX",
                hint=f"{setting}=file:///absolute/path/to/a/folder",
            )

    @property
    def _store(self) -> ObjectStore:
        return self._bucket.client()

    @property
    def _is_there(self) -> bool:
        with self._translated():
            self._check_disk()
            return self._root is None or self._root.is_dir()

    def _check_disk(self) -> None:
        """Raise TransientError if the folder was there, and is gone or on another disk.

        Where a disk was unmounted, its empty mount point would be taken for a new lake.
        """
        disk = self._root.stat().st_dev if self._root and self._root.exists() else None
        if self._disk is not None and disk != self._disk:
            raise TransientError(
                f"{self._setting} ({self.url}) was there, and is gone",
                hint="is its disk mounted? then run again",
            )
        self._disk = disk

    @contextmanager
    def _translated(self, key: str = "") -> Iterator[None]:
        """Turn what storage raises into the error tree: what a person must mend, or what passes."""
        try:
            yield
        except AlreadyExistsError:
            raise
        except (BaseError, OSError) as error:
            is_full = isinstance(error, OSError) and error.errno in FULL
            if is_full and self._root is None:
                raise  # the cache's disk, which is the workspace's
            where = f"{self._setting} ({self.url}{'/' + key if key else ''})"
            reason = str(error).strip().splitlines()[0]
            if isinstance(error, MISPLACED) or MISTAKEN.search(str(error)):
                raise ConfigurationError(
                    f"{where}: {reason}",
                    hint=f"check its permissions, or name another place in {self._setting}",
                ) from error
            hint = "is its disk full? make room, then run again" if is_full else "run again"
            raise TransientError(f"{where}: {reason}", hint=hint) from error

    def readers(self) -> Readers:
        """As many readers at once as what lies behind the URL can do with."""
        return Readers(1 if self._root else AT_ONCE)

    def put(self, key: str, content: bytes | Path) -> bool:
        """Create an object; False, and nothing changed, if there is one under that key already."""
        with self._translated(key):
            self._check_disk()
            if self._root is not None:
                return _create(self._root / key, content, self._root)
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            client = self._bucket.client(upload=size)
            try:
                obstore.put(client, key, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
            return True

    def get(self, key: str) -> bytes | None:
        """An object's content; None if there is none."""
        if not self._is_there:
            return None
        with self._translated(key):
            try:
                if self._root is not None:
                    return (self._root / key).read_bytes()
                return bytes(obstore.get(self._store, key).bytes())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

    def fetch(self, key: str, digest: str) -> Path:
        """An object as a file on this machine, its content checked against its SHA-256.

        Raises DamageError if it is missing or is not what it was.
        """
        path = self._root / key if self._root else self._download(key, digest)
        with self._translated(key):
            self._check_disk()
            found = sha256(path) if path.exists() else None
        self._compare(key, found, digest)
        return path

    def check(self, key: str, digest: str) -> None:
        """Raise what fetch() would of an object, and keep nothing of it on this machine."""
        with self._translated(key):
            if self._root is not None:
                path = self._root / key
                found = sha256(path) if path.exists() else None
            else:
                found = self._streamed(key)
        self._compare(key, found, digest)

    def _streamed(self, key: str) -> str | None:
        """The SHA-256 of an object in a bucket, in hex; None if there is none."""
        summed = hashlib.sha256()
        try:
            for chunk in obstore.get(self._store, key).stream(min_chunk_size=BLOCK):
                summed.update(chunk)
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise
            return None
        return summed.hexdigest()

    def _compare(self, key: str, found: str | None, digest: str) -> None:
        """Raise DamageError unless the SHA-256 that was found is the one that should be."""
        if found is None:
            raise DamageError(f"{self.url}/{key} is missing", hint="totes verify lists all damage")
        if found != digest:
            raise DamageError(
                f"{self.url}/{key} is not what its manifest says: its SHA-256 differs",
                hint="totes verify lists all damage; bring the object back from a backup",
            )

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
            if self._root is not None:
                return _names(self._root / folder)
            listing = obstore.list_with_delimiter(self._store, folder)
        objects = [entry["path"] for entry in listing["objects"]]
        return sorted(path.rsplit("/", 1)[-1] for path in (*listing["common_prefixes"], *objects))
