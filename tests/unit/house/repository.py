"""What the house tests read: tracked files, pages of documentation, their tables and fences.

Only reading and cutting text; what must be true stands in the tests.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that git knows and that exists."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return tuple(path for name in names if name and (path := ROOT / name).is_file())


def tracked(suffix: str) -> list[Path]:
    """The tracked files whose name ends so."""
    return [path for path in tracked_files() if path.name.endswith(suffix)]


def name_of(path: Path) -> str:
    """The path within the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def page(name: str) -> str:
    """The text of a page, by its path within the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def chapter(text: str, heading: str) -> str:
    """The lines from ``heading`` to the next one of the same or a higher level."""
    level = len(heading) - len(heading.lstrip("#"))
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"there is no heading {heading!r}"
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def table_rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, without heads and rulers."""
    lines = text.splitlines()
    rows = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if not line.startswith("|") or is_ruler(line) or is_ruler(following):
            continue
        cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
        rows.append([cell.strip() for cell in cells])
    return rows


def is_ruler(line: str) -> bool:
    """True for the line below the head of a table."""
    return re.fullmatch(r"\|[-| :]+\|", line) is not None


def prose(text: str) -> str:
    """The text without its code fences, whose backticks would pair with those of the prose."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def in_backticks(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def fences(text: str, language: str) -> list[str]:
    """The contents of the code fences of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors that headings make, as the usual renderers do."""
    headings = re.findall(r"^#+ (.+)$", prose(text), flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }
