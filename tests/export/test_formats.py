"""The choice of a format by the header Accept, and the text of CSV."""

import csv
import io
import json
from collections.abc import Sequence

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from crudgen.kit.export.csv_text import CsvText
from crudgen.kit.export.formats import OfferedFormats

BOTH = OfferedFormats(["csv", "ndjson"])
CHOICES = {
    "": "json",
    "*/*": "json",
    "application/*": "json",
    "application/json": "json",
    "application/json, text/plain, */*": "json",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "json",
    "text/csv": "csv",
    "TEXT/CSV": "csv",
    "text/*": "csv",
    "text/csv; charset=UTF-8": "csv",
    'text/csv;header=present;charset="utf-8"': "csv",
    "text/csv; header=absent": "json",
    "text/csv; charset=latin-1": "json",
    "text/csv, */*": "csv",
    "*/*, text/csv": "csv",
    "text/csv;q=0.5, */*": "json",
    "text/csv;q=0.5, application/json;q=0.4": "csv",
    "text/csv, application/json": "json",
    "text/csv;q=0": "json",
    "text/csv;q=0, application/x-ndjson;q=0.1": "ndjson",
    "application/json;q=0, */*;q=0.1": "csv",
    "application/json;q=0, text/csv;q=0, */*": "ndjson",
    "application/x-ndjson": "ndjson",
    "application/x-ndjson; charset=utf-8": "ndjson",
    "application/x-ndjson, text/csv": "csv",
    "application/x-ndjson, text/csv;q=0.999": "ndjson",
    "text/csv;q=2, application/x-ndjson;q=-1": "json",
    "text/csv;q=": "json",
    "text/csv;q=nan, application/x-ndjson;q=0.2": "ndjson",
    "image/png": "json",
    "*/csv": "json",
    "csv": "json",
    ";;,,/;q": "json",
    "application/vnd.api+json": "json",
}


def request(*accepted: str) -> Request:
    headers = [(b"accept", one.encode()) for one in accepted]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(("header", "wanted"), CHOICES.items())
def test_accept_chooses_a_format(header: str, wanted: str) -> None:
    chosen = BOTH.chosen(request(header))
    assert (chosen.name if chosen else "json") == wanted


def test_lines_of_accept_are_one_list() -> None:
    chosen = BOTH.chosen(request("application/json;q=0.5", "text/csv"))
    assert chosen is not None
    assert chosen.name == "csv"
    assert BOTH.chosen(request()) is None
    assert BOTH.chosen(request("text/csv," * 200)) is None
    assert OfferedFormats(["ndjson"]).chosen(request("text/csv")) is None
    assert OfferedFormats(["ndjson"]).chosen(request("text/csv, */*;q=0.1")) is None


TEXTS = st.text(st.sampled_from([*'a",;\r\n \t=\\.é🦸\u2028\0']), max_size=5)


@given(rows=st.lists(st.lists(TEXTS | st.none(), min_size=2, max_size=2), max_size=4))
def test_text_is_read_back(rows: Sequence[Sequence[str | None]]) -> None:
    objects = [json.dumps({"a": one, "b": two}).encode() for one, two in rows]
    text = CsvText(["a", "b"], set()).write(objects).decode()
    header, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == ["a", "b"]
    assert lines == [[cell or "" for cell in row] for row in rows]


def test_null_empty_text_and_json_differ() -> None:
    row = {"t": "", "n": None, "f": 1.5, "b": True, "j": "x", "k": None, "o": {"a": [1, "é"]}}
    content = CsvText([], {"j", "k", "o"}).write([json.dumps(row).encode()]).decode()
    assert content == 't,n,f,b,j,k,o\r\n"",,1.5,true,"""x""",,"{""a"":[1,""é""]}"\r\n'


def test_no_line_is_empty() -> None:
    assert CsvText(["a"], set()).write([b'{"a":null}', b'{"a":""}']) == b'a\r\n""\r\n""\r\n'
    assert CsvText(["a", "b"], set()).write([]) == b"a,b\r\n"
    quoted = CsvText(["a"], set()).write([b'{"a":"\\\\."}', b'{"a":" x"}'])
    assert quoted == b'a\r\n"\\."\r\n" x"\r\n'


def test_rows_with_other_properties_are_an_error() -> None:
    text = CsvText([], set())
    text.write([b'{"a":1}'])
    with pytest.raises(ValueError, match="other properties"):
        text.write([b'{"a":1,"b":2}'])
    with pytest.raises(KeyError):
        text.write([b'{"b":2}'])
