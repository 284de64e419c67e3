"""Objects in a folder and in a bucket: created once, never written again, checked when read."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.s3 import asked, environment_of, free_port, running_s3
from totes.errors import ConfigurationError, DamageError, TotesError, TransientError
from totes.lake.store import Store, sha256

SETTING = "TOTES_INGESTION"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of an S3 on loopback, with an empty bucket `lake`."""
    with running_s3() as url:
        yield url


@pytest.fixture
def aws(moto: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment of a process that works with moto's S3."""
    for name, value in environment_of(moto).items():
        monkeypatch.setenv(name, value)
    return moto


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a place in which nothing is yet."""
    if request.param == "file":
        return f"file://{tmp_path}/a%20lake"
    request.getfixturevalue("aws")
    return f"s3://lake/{tmp_path.name}/a lake"


@pytest.fixture
def open_store(url: str, tmp_path: Path) -> Callable[[], Store]:
    """Opens the place anew, as another process would, with a cache of its own."""
    caches = iter(range(100))
    return lambda: Store(url, tmp_path / f"cache{next(caches)}", setting=SETTING)


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store(f"file://{tmp_path}/lake", tmp_path / "cache", setting=SETTING)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_an_object_is_created_once(open_store: Callable[[], Store]) -> None:
    """The first put makes the object; a second returns False and leaves its content alone."""
    assert open_store().put("a/b.json", b"first")
    assert not open_store().put("a/b.json", b"second")
    assert open_store().get("a/b.json") == b"first"


def test_a_file_is_put_as_it_is(store: Store, tmp_path: Path) -> None:
    """A file's bytes are the object's, also past the size at which clients like to cut in parts."""
    file = tmp_path / "big"
    file.write_bytes(os.urandom(1 << 20) * 12)
    assert store.put("big.parquet", file)
    assert store.get("big.parquet") == file.read_bytes()
    assert not store.put("big.parquet", tmp_path / "big")


def test_of_racing_writers_one_wins(open_store: Callable[[], Store]) -> None:
    """Of sixteen writers of one key at once, one is told that it wrote; its content is there."""
    start = threading.Barrier(16)

    def write(number: int) -> bool:
        store = open_store()
        store.names("")  # connected before the start
        start.wait()
        return store.put("raced/key", b"%d" % number)

    with ThreadPoolExecutor(16) as pool:
        won = [number for number, wrote in enumerate(pool.map(write, range(16))) if wrote]
    assert len(won) == 1
    assert open_store().get("raced/key") == b"%d" % won[0]
    assert open_store().names("raced") == ["key"]


def test_nothing_is_none(store: Store) -> None:
    """There is no object before it is put, beside it, or at the name of its folder."""
    assert store.get("a/b") is None
    store.put("a/b", b"")
    assert store.get("a/c") is None
    assert store.get("a/b") == b""


def test_names_are_sorted_and_of_one_level(store: Store) -> None:
    """A folder's names are its objects and folders, sorted; a missing folder has none."""
    for key in ["f/9", "f/10/x", "f/10/y", "f/a b", "f/Z", "g/1", "fa"]:
        assert store.put(key, b"")
    assert store.names("f") == ["10", "9", "Z", "a b"]
    assert store.names("f/10") == ["x", "y"]
    assert store.names("nowhere") == []


def test_to_look_makes_nothing(local: Store, tmp_path: Path) -> None:
    """A lake that is not there is empty, and looking at it makes no folder."""
    assert local.get("a") is None
    assert local.names("manifests") == []
    with pytest.raises(DamageError):
        local.fetch("a", digest(b""))
    assert list(tmp_path.iterdir()) == []


def test_a_url_of_a_folder_is_quoted_as_urls_are(tmp_path: Path) -> None:
    """%20 in a file URL is a space in the folder's name."""
    store = Store(f"file://{tmp_path}/a%20lake", tmp_path, setting=SETTING)
    store.put("a", b"content")
    assert (tmp_path / "a lake/a").read_bytes() == b"content"
    assert store.fetch("a", digest(b"content")) == tmp_path / "a lake/a"


def test_fetched_is_what_was_put(store: Store) -> None:
    """fetch gives a local file of the very content, as often as it is asked."""
    store.put("a.parquet", b"content")
    for _ in range(2):
        path = store.fetch("a.parquet", digest(b"content"))
        assert path.read_bytes() == b"content"
        assert sha256(path) == digest(b"content")


def test_a_missing_object_is_damage(store: Store) -> None:
    """To fetch what should be there and is not is an error that names the object."""
    store.put("a", b"")
    with pytest.raises(DamageError, match=r"nothing\.parquet is missing"):
        store.fetch("nothing.parquet", digest(b""))


def test_another_content_is_damage(store: Store) -> None:
    """To fetch what is not what it was is an error that names the object, each time."""
    store.put("a.parquet", b"cantent")
    for _ in range(2):
        with pytest.raises(DamageError, match=r"a\.parquet is not what its manifest says"):
            store.fetch("a.parquet", digest(b"content"))


def test_a_flipped_bit_is_damage(local: Store, tmp_path: Path) -> None:
    """A bit that changes on disk after an object was fetched is found when it is fetched again."""
    local.put("a.parquet", b"content")
    local.fetch("a.parquet", digest(b"content"))
    (tmp_path / "lake/a.parquet").write_bytes(b"contenu")
    with pytest.raises(DamageError, match=r"a\.parquet"):
        local.fetch("a.parquet", digest(b"content"))


def test_to_check_an_object_keeps_nothing_of_it(store: Store, tmp_path: Path) -> None:
    """check finds what fetch would, and brings nothing to this machine."""
    content = os.urandom(3 << 20)
    store.put("a.parquet", content)
    store.check("a.parquet", digest(content))
    with pytest.raises(DamageError, match=r"a\.parquet is not what its manifest says"):
        store.check("a.parquet", digest(b"content"))
    with pytest.raises(DamageError, match=r"nothing\.parquet is missing"):
        store.check("nothing.parquet", digest(b""))
    assert not list(tmp_path.glob("cache*"))


def test_put_returns_when_all_is_on_disk(
    local: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object is fsynced before it has its name, and then each folder up to the lake's own."""
    synced: list[Path] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", recorded)
    assert local.put("manifests/000/000/001.json", b"{}")
    root = tmp_path / "lake"
    folders = ["manifests/000/000", "manifests/000", "manifests", "."]
    part, *rest = (path for path in synced if path.is_relative_to(root))
    assert part.name.startswith(".001.json.")
    assert not part.exists()
    assert rest == [root / folder for folder in folders]


@pytest.mark.parametrize(
    "url",
    ["", "lake", "/var/lib/lake", "file:lake", "file:./lake", "http://host/lake", "gs://bucket/x"],
)
def test_what_is_no_url_of_a_lake_is_refused(url: str, tmp_path: Path) -> None:
    """A URL of another kind, or a path that is not absolute, is refused with setting and value."""
    with pytest.raises(ConfigurationError) as caught:
        Store(url, tmp_path, setting=SETTING)
    assert f"{SETTING} = {url!r}" in str(caught.value)
    assert SETTING in str(caught.value.hint)


@pytest.mark.parametrize(
    "url", ["file://var/lib/lake", "file:///var/lake#1", "file:///a%00b", "s3://", "s3:///x"]
)
def test_a_url_that_means_another_place_is_refused(url: str, tmp_path: Path) -> None:
    """A URL whose parts would be dropped in silence is refused, rather than another place used."""
    with pytest.raises(ConfigurationError):
        Store(url, tmp_path, setting=SETTING)


def refused(store: Store, kind: type[TotesError]) -> None:
    """Assert that nothing can be put, with an error of a kind that names setting and URL."""
    with pytest.raises(kind) as caught:
        store.put("a/b", b"")
    assert SETTING in str(caught.value)
    assert store.url in str(caught.value)


def test_a_folder_below_a_file_is_a_setting_to_mend(tmp_path: Path) -> None:
    """A lake that cannot be made, as a file is in the way, names its setting and URL."""
    (tmp_path / "file").touch()
    refused(Store(f"file://{tmp_path}/file/lake", tmp_path, setting=SETTING), ConfigurationError)


def test_a_folder_without_permission_is_a_setting_to_mend(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A lake that may not be written names its setting and URL."""
    (tmp_path / "closed").mkdir(mode=0o500)
    if os.geteuid() == 0:  # root may write anywhere: be somebody else for a moment
        request.addfinalizer(lambda: os.seteuid(0))
        os.seteuid(65534)
    refused(Store(f"file://{tmp_path}/closed/lake", tmp_path, setting=SETTING), ConfigurationError)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_folder_that_cannot_be_is_a_setting_to_mend(tmp_path: Path) -> None:
    """A lake where no folder can be made names its setting and URL, and is not tried again."""
    refused(Store("file:///proc/totes", tmp_path, setting=SETTING), ConfigurationError)


def test_a_bucket_that_is_not_there_is_a_setting_to_mend(aws: str, tmp_path: Path) -> None:
    """To write to a bucket that does not exist is an error that names setting and URL."""
    refused(Store("s3://nowhere/x", tmp_path, setting=SETTING), ConfigurationError)


def test_to_list_a_bucket_that_is_not_there_is_a_setting_to_mend(aws: str, tmp_path: Path) -> None:
    """To list a bucket that does not exist is an error that names the setting."""
    with pytest.raises(ConfigurationError, match=SETTING):
        Store("s3://nowhere/x", tmp_path, setting=SETTING).names("manifests")


def test_to_check_in_a_bucket_that_is_not_there_is_a_setting_to_mend(
    aws: str, tmp_path: Path
) -> None:
    """A bucket that does not exist is no damage of an object, but names the setting."""
    with pytest.raises(ConfigurationError, match=SETTING):
        Store("s3://nowhere/x", tmp_path, setting=SETTING).check("a", digest(b""))


@pytest.fixture
def without_permission(aws: str) -> Iterator[None]:
    """From now on moto's S3 asks who somebody is, and knows nobody."""
    asked(f"{aws}/moto-api/reset-auth", "POST", b"0")
    try:
        yield
    finally:
        asked(f"{aws}/moto-api/reset-auth", "POST", b"inf")


@pytest.mark.usefixtures("without_permission")
def test_a_bucket_without_permission_is_a_setting_to_mend(tmp_path: Path) -> None:
    """A bucket that may not be written names setting and URL, and is not tried again."""
    refused(Store("s3://lake/x", tmp_path, setting=SETTING), ConfigurationError)


def test_storage_that_is_away_is_a_passing_fault(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage that does not answer is a fault that passes, and names setting and URL."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    refused(Store("s3://lake/x", tmp_path, setting=SETTING), TransientError)


def test_a_name_too_long_is_a_setting_to_mend(tmp_path: Path) -> None:
    """A folder whose name is too long for the disk names its setting, to look at and to write."""
    store = Store(f"file://{tmp_path}/{'x' * 300}", tmp_path, setting=SETTING)
    with pytest.raises(ConfigurationError, match=SETTING):
        store.names("manifests")
    refused(store, ConfigurationError)
