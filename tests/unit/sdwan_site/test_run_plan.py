"""The plan of ``up`` survives the hand-over to the slim supervisor."""

from __future__ import annotations

import os

import pytest

from sdwan_site.processes.run_plan import ChildSpec, RunPlan, take_plan

PLAN = RunPlan(
    children=[
        ChildSpec("web", ["python", "-m", "gunicorn"], {"A": "b"}),
        ChildSpec("cluster", ["python", "manage.py", "cluster"]),
    ],
    host="127.0.0.1",
    port=8000,
    announcement=["Pathwarden is running", "Password: pässword"],
    log_format="json",
)


def test_a_plan_is_read_as_it_was_written() -> None:
    assert RunPlan.from_json(PLAN.to_json()) == PLAN


def test_the_descriptor_of_a_plan_is_closed_so_that_no_child_inherits_it() -> None:
    descriptor = os.memfd_create("plan")
    os.write(descriptor, PLAN.to_json().encode())
    assert take_plan(descriptor) == PLAN
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
