"""What may be asked of a name server, for forms and models. No sockets."""

from __future__ import annotations

from health.probers.asked import Asked, Problem, no_status
from health.probers.dns_packet import QuestionError


def dns_problems(asked: Asked) -> list[Problem]:
    """What a name server can't be asked."""
    # dnspython takes 3 MB of each process: only where a name server is really asked.
    from health.probers.dns_message import parse_question

    problems = no_status(asked)
    try:
        parse_question(asked.request)
    except QuestionError as error:
        problems.append(("request", str(error)))
    return problems
