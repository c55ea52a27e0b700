"""The page of a path: its directions, only where the kind tells them, kept up to date."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from health.models import CurrentHealth, Path
from tests.factories import measured_path

pytestmark = pytest.mark.django_db

TOLD = {
    "forward_loss_pct": 4.0,
    "backward_loss_pct": 1.0,
    "forward_jitter_ms": 1.5,
    "backward_jitter_ms": 2.8,
}
SENTENCE = "there 4.0 % lost, back 1.0 %; variation there 1.5 ms, back 2.8 ms"


def path_of(kind: str, **current: Any) -> Path:
    path = measured_path("Warsaw", **current)
    Path.objects.filter(pk=path.pk).update(kind=kind)
    return path


def page_of(client: Client, path: Path) -> str:
    answer = client.get(f"/paths/{path.pk}/")
    assert answer.status_code == 200
    return plain(answer.content)


def plain(content: bytes) -> str:
    """The text of an answer with plain spaces."""
    return content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_a_stamp_path_tells_both_directions_in_words(viewer_client: Client) -> None:
    html = page_of(viewer_client, path_of("stamp", **TOLD))
    assert f"<dt>Directions</dt><dd>{SENTENCE}</dd>" in html


@pytest.mark.parametrize("kind", ["icmp", "tcp", "dns", "http"])
def test_a_kind_that_can_not_tell_says_nothing_of_directions(
    viewer_client: Client, kind: str
) -> None:
    assert "Directions" not in page_of(viewer_client, path_of(kind))


def test_a_stamp_path_that_warms_up_says_not_known_yet(viewer_client: Client) -> None:
    html = page_of(viewer_client, path_of("stamp"))
    assert "<dd>not known yet <span" in html
    assert "It takes 10 probes" in html


@pytest.mark.parametrize("why", ["silent", "disabled"])
def test_old_figures_are_not_shown_when_nobody_measures(viewer_client: Client, why: str) -> None:
    path = path_of("stamp", **TOLD)
    if why == "silent":
        CurrentHealth.objects.update(updated_at=time.time() - 60)
    else:
        Path.objects.update(enabled=False)
    assert "<dt>Directions</dt><dd>not known</dd>" in page_of(viewer_client, path)


def test_a_change_of_the_directions_alone_reaches_an_open_page(viewer_client: Client) -> None:
    path = path_of("stamp", **TOLD)
    url = f"/_/paths/{path.pk}/summary/"
    first = viewer_client.get(url, headers={"HX-Request": "true"})
    assert SENTENCE in plain(first.content)
    CurrentHealth.objects.filter(path=path).update(backward_loss_pct=3.0)
    rev = first.headers["X-Rev"]
    second = viewer_client.get(f"{url}?rev={rev}", headers={"HX-Request": "true"})
    assert "there 4.0 % lost, back 3.0 %" in plain(second.content)
