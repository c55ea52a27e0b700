"""A person's order to the policy of the lab: ``python -m tests.lab.order pin --path fibre``.

Uses the way the console and the API use, in a process of its own; prints how the order ended,
as JSON. The reason is always the same, because nobody reads it.
"""

from __future__ import annotations

import argparse
import json
import os
from datetime import UTC, datetime

PATIENCE_SECS = 20.0


def main() -> None:
    """Place the order and wait for its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind")
    parser.add_argument("--path", default="")
    parser.add_argument("--only", action="store_true", help="A pin that a dead path keeps, too.")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdwan_site.settings")
    import django

    django.setup()
    print(json.dumps(_ordered(options)))  # noqa: T201 - the answer of this command


def _ordered(options: argparse.Namespace) -> dict[str, str]:
    from failover import orders
    from failover.models import FailoverPolicy, OrderKind
    from health.models import Path

    path = Path.objects.get(name=options.path) if options.path else None
    wanted = orders.Wanted(
        OrderKind(options.kind),
        "to see what happens",
        path_id=path.pk if path else None,
        unless_dead=not options.only,
    )
    try:
        order = orders.place_order(
            FailoverPolicy.objects.get(),
            wanted,
            actor="a person",
            person_id=None,
            now=datetime.now(UTC),
        )
    except orders.OrderRefused as refusal:
        return {"stage": "refused", "detail": str(refusal)}
    ended = orders.wait_for(order, patience_secs=PATIENCE_SECS)
    return {"stage": ended.stage, "detail": ended.detail}


if __name__ == "__main__":
    main()
