"""What every executor must do; a kind's tests subclass this and name how one is made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from failover.executors.base import ExecutorError, Intent, Route, RouteExecutor, UplinkFacts

FIBRE = UplinkFacts(1, "fibre", "wan1", "192.0.2.1", "2001:db8:1::1", "192.0.2.10", "2001:db8:1::a")
CABLE = UplinkFacts(2, "cable", "wan2", "198.51.100.1", "2001:db8:2::1")
TO_CABLE = Intent(
    policy_uid="a-policy",
    policy_name="Internet",
    generation=5,
    lease_epoch=2,
    from_uplink=FIBRE,
    to_uplink=CABLE,
    routes=(Route(4), Route(6, "2001:db8:99::/48", table=100, metric=20)),
)


class ExecutorContract:
    """Subclass it as Test… with ``make``."""

    def make(self) -> RouteExecutor:
        raise NotImplementedError

    def test_a_plan_is_the_same_each_time_and_changes_nothing(self) -> None:
        executor = self.make()
        assert executor.plan(TO_CABLE) == executor.plan(TO_CABLE)
        assert executor.observe("a-policy") is None

    def test_what_was_applied_is_verified_and_observed(self) -> None:
        executor = self.make()
        applied = executor.apply(executor.plan(TO_CABLE))
        assert applied.verified
        assert applied.duration_ms >= 0.0
        assert applied.detail
        observed = executor.observe("a-policy")
        assert observed is not None
        assert (observed.path_key, observed.generation, observed.lease_epoch) == (2, 5, 2)
        assert observed.changes == executor.plan(TO_CABLE).changes

    def test_the_same_order_may_be_repeated(self) -> None:
        executor = self.make()
        plan = executor.plan(TO_CABLE)
        executor.apply(plan)
        assert executor.apply(plan).verified

    @pytest.mark.parametrize(("epoch", "generation"), [(2, 4), (1, 9)])
    def test_an_older_order_is_refused_and_changes_nothing(
        self, epoch: int, generation: int
    ) -> None:
        executor = self.make()
        executor.apply(executor.plan(TO_CABLE))
        old = replace(TO_CABLE, lease_epoch=epoch, generation=generation, to_uplink=FIBRE)
        with pytest.raises(ExecutorError, match="is older than epoch 2 generation 5: refused") as e:
            executor.apply(executor.plan(old))
        assert not e.value.retryable
        observed = executor.observe("a-policy")
        assert observed is not None
        assert observed.path_key == 2

    def test_an_equal_order_for_another_target_is_refused(self) -> None:
        executor = self.make()
        executor.apply(executor.plan(TO_CABLE))
        with pytest.raises(ExecutorError, match="already carried out for path 2, not for path 1"):
            executor.apply(executor.plan(replace(TO_CABLE, to_uplink=FIBRE)))

    @pytest.mark.parametrize(("epoch", "generation"), [(2, 6), (3, 1)])
    def test_a_newer_order_is_obeyed(self, epoch: int, generation: int) -> None:
        executor = self.make()
        executor.apply(executor.plan(TO_CABLE))
        newer = replace(TO_CABLE, lease_epoch=epoch, generation=generation, to_uplink=FIBRE)
        assert executor.apply(executor.plan(newer)).verified
        observed = executor.observe("a-policy")
        assert observed is not None
        assert observed.path_key == 1

    def test_policies_are_fenced_apart(self) -> None:
        executor = self.make()
        executor.apply(executor.plan(TO_CABLE))
        other = replace(TO_CABLE, policy_uid="another", generation=1, lease_epoch=1)
        assert executor.apply(executor.plan(other)).verified
