"""A prober with a defect harms its own paths for a while, and never ends the loop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from health.domain.status import PathStatus, Reason
from health.domain.uplink_state import LinkState, UplinkState
from health.engine.defects import LOGGED_EVERY_NS
from health.probers.base import Reply
from tests.unit.health.engine.worlds import SECOND, SILENCE, Outcome, RiggedWorld, path_spec

DEFECT = TypeError("a defect")


@pytest.mark.parametrize("call", ["send", "prepare"])
def test_a_defect_of_sending_is_no_loss_and_ends_with_its_cause(
    call: str, caplog: pytest.LogCaptureFixture
) -> None:
    with RiggedWorld(path_spec()) as world:
        world.prober.defects[call] = DEFECT
        reading = world.live(5).reading()
        assert (reading.status, reading.reason) == (PathStatus.UNKNOWN, Reason.OWN_FAULT)
        assert "defect" in reading.detail
        assert (reading.sent, reading.loss_run) == (0, 0)
        del world.prober.defects[call]
        world.live(7)
        assert world.reading().status is PathStatus.UP
    assert "a defect of the scripted prober" in caplog.text


def test_a_defect_of_receiving_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    with RiggedWorld(path_spec()) as world:
        world.live(30)
        world.prober.defects["receive"] = DEFECT
        world.live(0.3)
        world.prober.defects.clear()
        world.live(10)
        assert world.reading().reachable is True
    assert "met receiving" in caplog.text


def test_a_defect_of_preparing_for_a_changed_uplink_does_not_end_the_loop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    state = UplinkState(1, LinkState.UP, interface="wan1", index=7)
    with RiggedWorld(path_spec(uplink=1)).uplinks(state) as world:
        world.live(10)
        world.prober.defects["prepare"] = DEFECT
        world.uplinks(replace(state, index=8)).live(2)
        assert world.reading().reason is Reason.OWN_FAULT
        world.prober.defects.clear()
        world.live(3)
        assert world.reading().status is PathStatus.UP
        assert world.prober.sent[-1].target.interface_index == 8
    assert "met preparing" in caplog.text


@pytest.mark.parametrize("edit", ["remove", "change", "uplink"])
def test_a_defect_of_releasing_stops_neither_the_edit_nor_the_loop(
    edit: str, caplog: pytest.LogCaptureFixture
) -> None:
    state = UplinkState(1, LinkState.UP, interface="wan1", index=7)
    kept, edited = path_spec(1, uplink=1), path_spec(2, uplink=1)
    with RiggedWorld(kept, edited).uplinks(state) as world:
        world.live(10)
        world.prober.defects["release"] = DEFECT
        if edit == "uplink":
            world.uplinks(replace(state, index=8))
        else:
            world.engine.submit([kept] if edit == "remove" else [kept, replace(edited, dscp=46)])
        world.live(10)
        assert world.reading(1).status is PathStatus.UP
    assert "met releasing" in caplog.text


def test_a_defect_that_lasts_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    with RiggedWorld(path_spec()) as world:
        world.prober.defects["send"] = DEFECT
        world.live(2.5 * LOGGED_EVERY_NS / SECOND)
    assert len([one for one in caplog.records if "a defect of" in one.message]) == 3


def test_the_kind_of_a_path_may_change_while_a_probe_of_the_old_kind_is_under_way() -> None:
    """Also to a kind that can't be probed here: nobody keeps account of its probes."""
    with RiggedWorld(path_spec(), unavailable={"dns": "not here"}) as world:
        world.live(10).script(SILENCE)
        sent = len(world.prober.sent)
        while len(world.prober.sent) == sent:
            world.live(0.01)
        probe_id = world.prober.sent[-1].probe_id
        world.engine.submit([path_spec(kind="dns")])
        world.live(3)
        assert world.reading().reason is Reason.PERMISSION
        assert probe_id in world.prober.forgotten


def test_a_void_reply_takes_its_probe_out_and_is_no_failure() -> None:
    with RiggedWorld(path_spec()) as world:
        world.live(30).script(SILENCE)
        monitor = world.engine.paths[1]
        total, sent = monitor.probes_total, len(world.prober.sent)
        while len(world.prober.sent) == sent:
            world.live(0.01)
        probe_id = world.prober.sent[-1].probe_id
        world.prober.replies.append(Reply(probe_id, Outcome.VOID, None, "the buffer was full"))
        world.live(0.02)
        assert (monitor.probes_total, monitor.failures) == (total, {})
        assert monitor.targets[0].liveness.run == 0
        assert monitor.targets[0].fault is None
        # It is settled: its timeout says nothing more.
        assert probe_id not in world.engine._under_way["scripted"]


def test_replies_that_nobody_waits_for_change_nothing() -> None:
    with RiggedWorld(path_spec()) as world:
        before = world.live(30).reading()
        world.prober.replies += [
            Reply(999_999, Outcome.ANSWERED, 5),
            Reply(0, Outcome.ANSWERED, 5),
            Reply(0, Outcome.REFUSED, None, "unreachable"),
        ]
        after = world.live(1).reading()
        assert (after.status, after.packet_loss_pct) == (before.status, 0)
        assert after.min_latency_ms == 20
