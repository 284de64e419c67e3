"""Files of exchange rates: what is taken, and what is refused with its line and column."""

from __future__ import annotations

import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from totes import rates
from totes.errors import ConfigurationError


def test_each_line_is_a_day_and_each_column_a_currency(tmp_path: Path) -> None:
    """Rates are exact, N/A is none, the base is 1; line ends, spaces and a mark at the beginning
    are as an editor may leave them."""
    path = tmp_path / "rates.csv"
    path.write_bytes(b"\xef\xbb\xbfDate, USD, BGN, \r\n2023-03-03, 1.0615, N/A, \r\n\r\n")
    day = date(2023, 3, 3)
    assert rates.read(path, "EUR") == [
        (day, "EUR", Decimal(1)),
        (day, "USD", Decimal("1.0615")),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: begins with nothing, and should with 'Date'"),
        ("Day,USD\n2023-03-03,1.1\n", "line 1: begins with 'Day', and should with 'Date'"),
        ("Date,usd\n2023-03-03,1.1\n", "line 1: 'usd' is no currency's code"),
        ("Date,USD,USD\n2023-03-03,1.1,1.1\n", "line 1: USD is there more than once"),
        ("Date,USD,EUR\n2023-03-03,1.1,1\n", "line 1: EUR is what the rates are in"),
        ("Date,USD,\n", "has no rates"),
        ("Date,USD,\n2023-03-03,1.1,2,\n", "line 2 has 3 values, and the first line 2"),
        ("Date,USD,GBP\n2023-03-03,1.1\n", "line 2 has 2 values, and the first line 3"),
        ("Date,USD,\n03/03/2023,1.1,\n", "line 2, column Date: '03/03/2023' is no day"),
        ("Date,USD,\n2023-02-29,1.1,\n", "line 2, column Date: '2023-02-29' is no day"),
        ("Date,USD\n2023-03-03,1.1\n2023-03-03,1.2\n", "line 3: 2023-03-03 is in line 2 already"),
        ("Date,USD\n2023-03-03,1.1\n2023-03-02,1,2\n", "line 3 has 3 values"),
        ("Date,USD\n2023-03-03,1.1\n2023-03-02,0\n", "line 3, column USD: '0' is no rate"),
        ("Date,USD\n2023-03-03,-1.1\n", "line 2, column USD: '-1.1' is no rate"),
        ("Date,USD\n2023-03-03,NaN\n", "line 2, column USD: 'NaN' is no rate"),
        ("Date,USD\n2023-03-03,1e9\n", "line 2, column USD: '1e9' is no rate"),
        ("Date,USD\n2023-03-03,\xb2\n", "line 2, column USD: '\xb2' is no rate"),
        ('Date,USD\n2023-03-03,"1.1\n', "unexpected end of data"),
    ],
)
def test_bad_file_is_a_clear_error(tmp_path: Path, text: str, said: str) -> None:
    """A file that is not laid out as it should be is refused whole: line, column and value."""
    path = tmp_path / "eurofxref-hist.csv"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        rates.read(path, "EUR")
    assert said in str(caught.value)
    assert "eurofxref-hist.csv" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"Date,USD\n2023-03-03,1\xff\n", b"Date,US\0D\n"])
def test_file_that_is_no_text_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    """A file that is not UTF-8, or holds no text at all, is refused with its name."""
    path = tmp_path / "rates.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"rates\.csv"):
        rates.read(path, "EUR")


def test_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(ConfigurationError, match=r"nothing\.csv.*No such file"):
        rates.read(tmp_path / "nothing.csv", "EUR")


def test_zip_of_several_files_is_refused(tmp_path: Path) -> None:
    """An archive has to hold the one CSV, and nothing else."""
    path = tmp_path / "rates.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "Date,USD\n2023-03-03,1.1\n")
        archive.writestr("b.csv", "Date,USD\n2023-03-03,1.1\n")
    with pytest.raises(ConfigurationError, match="holds 2 files"):
        rates.read(path, "EUR")
