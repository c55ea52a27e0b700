"""The bar that shows how many paths are in which state, worst on the left."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT, GAP, LEAST = 1000.0, 8, 4.0, 8.0


def share_bar(counts: Mapping[str, int]) -> SafeString:
    """``counts`` by face key as one bar; every state that occurs is wide enough to be seen."""
    present = [(key, count) for key, count in counts.items() if count]
    total = sum(count for _, count in present)
    if not total:
        return SafeString("")
    room = WIDTH - GAP * (len(present) - 1) - LEAST * len(present)
    parts: list[tuple[str, str, int, str, int]] = []
    x = 0.0
    for key, count in present:
        width = LEAST + room * count / total
        parts.append((key, f"{x:.1f}", 0, f"{width:.1f}", HEIGHT))
        x += width + GAP
    drawn = format_html_join(
        "", '<rect class="share-{}" x="{}" y="{}" width="{}" height="{}" rx="1"/>', parts
    )
    return format_html(
        '<svg class="share-bar" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        "{}</svg>",
        int(WIDTH), HEIGHT, drawn,
    )  # fmt: skip
