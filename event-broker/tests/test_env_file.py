"""`.env` files, line by line."""

from pathlib import Path

import pytest

from app.settings.env_file import read_env_file
from app.settings.errors import SettingsError


def read(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / ".env"
    path.write_text(text)
    lines, problems = read_env_file(path)
    if problems:
        raise SettingsError(problems)
    return {name: line.value for name, line in lines.items()}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=plain", "plain"),
        ("export NAME=plain", "plain"),
        ("NAME = spaced out ", "spaced out"),
        ('NAME="with # inside"', "with # inside"),
        ("NAME='single quoted'", "single quoted"),
        ("NAME=value # a comment", "value"),
        ("NAME=with#hash", "with#hash"),
        ('NAME="quoted" # a comment', "quoted"),
        ("NAME=", ""),
        ("NAME= # only a comment", ""),
        ("NAME=a=b", "a=b"),
    ],
)
def test_an_assignment_gives_its_value(tmp_path: Path, line: str, value: str) -> None:
    assert read(tmp_path, line) == {"NAME": value}


def test_comments_and_blank_lines_are_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "\n# NAME=1\n   \n") == {}


def test_an_absent_file_has_no_assignments(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / ".env") == ({}, [])


def test_lines_that_are_no_assignment_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, 'A=1\nnonsense\nB="open\n1C=2\n')
    assert caught.value.problems == (
        ".env:2: expected NAME=value",
        ".env:3: expected NAME=value",
        ".env:4: expected NAME=value",
    )


def test_a_name_assigned_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\.env:3: A is already set on line 1"):
        read(tmp_path, "A=1\nB=2\nA=3\n")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=1\nB=\xff\xfe")
    with pytest.raises(SettingsError, match=r"\.env:2: not text: byte 0xff is not UTF-8"):
        read_env_file(path)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeffNAME=1\n") == {"NAME": "1"}
