"""A probe host in a network namespace of its own, with one or two uplinks to a far end.

vantage  wan1 10.1.0.1 ── 10.1.0.2  far
         wan2 10.2.0.1 ── 10.2.0.2
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.engine.running import UPLINKS, Place
from tests.lab.namespaces import Namespace


@pytest.fixture
def place() -> Iterator[Place]:
    """The two namespaces; deleted with everything in them."""
    made: list[Namespace] = []
    try:
        made.append(vantage := Namespace("vantage"))
        made.append(far := Namespace("far"))
        for name, network in UPLINKS.items():
            vantage.ip(f"link add {name} type veth peer name p{name} netns {far.name}")
            vantage.ip(f"addr add {network}.1/24 dev {name}")
            far.ip(f"addr add {network}.2/24 dev p{name}")
            far.ip(f"link set p{name} up")
            vantage.ip(f"link set {name} up")
        yield Place(vantage, far)
    finally:
        for namespace in made:
            namespace.delete()
