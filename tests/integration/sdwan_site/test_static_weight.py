"""What a first visit has to load, and that the style sheet keeps to names."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import django_htmx

OURS = Path(__file__).parents[3] / "sdwan_site" / "static" / "sdwan_site"
HTMX = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-2.min.js"
MAX_BYTES = 40_000
MAX_LINES = 400


def test_all_static_files_of_the_console_stay_below_forty_kilobytes() -> None:
    files = [HTMX, *OURS.iterdir()]
    assert sum(len(gzip.compress(one.read_bytes())) for one in files) < MAX_BYTES


def test_files_are_short_enough_to_be_read() -> None:
    long = {one.name: len(one.read_text().splitlines()) for one in OURS.iterdir()}
    assert {name: lines for name, lines in long.items() if lines > MAX_LINES} == {}


def test_colours_have_their_name_in_one_file_only() -> None:
    loose = {
        one.name: found
        for one in OURS.glob("*.css")
        if one.name != "tokens.css" and (found := re.findall(r"#[0-9a-f]{3,8}\b", one.read_text()))
    }
    assert loose == {}


def luminance(colour: str) -> float:
    """Relative luminance as in WCAG 2.1."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio as in WCAG 2.1."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def full(colour: str) -> str:
    """``#abc`` as ``#aabbcc``."""
    return colour if len(colour) == 7 else "#" + "".join(c * 2 for c in colour[1:])


def test_text_has_enough_contrast_on_every_background_in_both_themes() -> None:
    blocks = (OURS / "tokens.css").read_text().split(':root[data-scheme="dark"]')
    for block in (blocks[0], blocks[1].split("@media")[0]):
        named = {n: full(c) for n, c in re.findall(r"--([\w-]+): (#[0-9a-f]+);", block)}
        for text in ("ink", "ink-2", "ink-3", "accent", "ok", "warn", "bad", "none", "paused"):
            for back in ("bg", "surface", "surface-2"):
                ratio = contrast(named[text], named[back])
                assert ratio >= 4.5, f"{text} on {back}: {ratio:.2f}"


def test_the_automatic_theme_has_the_values_of_the_dark_one() -> None:
    text = (OURS / "tokens.css").read_text()
    dark, automatic = text.split(':root[data-scheme="dark"]')[1].split("@media")
    pattern = r"(--[\w-]+): ([^;]+);"
    assert re.findall(pattern, dark) == re.findall(pattern, automatic)
