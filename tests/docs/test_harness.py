"""The tests of the pages can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from .pages import Command, File, Snippet, missing, parts
from .shell import Shell

PAGE = """\
# A page

`a/b.py`:

```python
x = 1
```

```console
$ false
$ echo $?
1
$ printf 'one\\ntwo\\nthree\\n'
one
[...]
three
```

```python
y = 2
```
"""


@pytest.mark.parametrize(
    ("shown", "lost"),
    [
        (("one", "two", "three"), ""),
        (("[...]", "two"), ""),
        (("one", "[...]", "three"), ""),
        (("on",), ""),
        (("two", "one"), "one"),
        (("one", "three"), "three"),
        (("four",), "four"),
        (("one", "[...]", "one"), "one"),
    ],
)
def test_lines_are_looked_for_in_their_order(shown: tuple[str, ...], lost: str) -> None:
    assert missing(shown, "one\ntwo\n\nthree\n") == lost


def test_times_and_columns_do_not_count_and_numbers_do() -> None:
    output = "walks-1  succeeded: 4 jobs done, in 1 min 2 s, $0.00\n"
    assert not missing(("walks-1 succeeded: 4 jobs done, in 0.4 s, $0.00",), output)
    assert missing(("walks-1 succeeded: 5 jobs done, in 0.4 s, $0.00",), output)


def test_a_page_is_taken_apart(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert list(parts(page)) == [
        File("a/b.py", "x = 1\n"),
        Command(10, "false", (), 1),
        Command(13, r"printf 'one\ntwo\nthree\n'", ("one", "[...]", "three"), 0),
        Snippet(20, "python", "y = 2\n"),
    ]


def test_a_shell_keeps_its_folder_and_tells_exit_codes(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"PATH": "/usr/bin:/bin"})
    try:
        assert shell("mkdir inner && cd inner") == (0, "")
        assert shell.folder.name == "inner"
        assert shell("test -t 1 && echo seen; exit_code() { return 7; }; exit_code") == (7, "seen\n")
        assert shell("echo to-stderr >&2") == (0, "to-stderr\n")
    finally:
        shell.close()
