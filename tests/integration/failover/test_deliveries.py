"""Events reach people and programs outside: once in the books, at least once on the wire."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.core import mail
from django.urls import reverse

from failover import deliveries
from failover.models import EventType, OutboxMessage, OutboxTopic
from failover.services.fan_out import fan_out
from failover.tasks import deliver_messages, run_hooks, send
from tests import factories

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def happened(policy=None, event_type=EventType.COMPLETED, **values):
    """An event with what it asks for."""
    event = factories.FailoverEventFactory(
        **({"policy": policy} if policy else {}), event_type=event_type, timestamp=NOW, **values
    )
    fan_out(event, now=NOW)
    return event


def messages():
    return OutboxMessage.objects.filter(topic=OutboxTopic.NOTIFY).order_by("id")


def hooks():
    return OutboxMessage.objects.filter(topic=OutboxTopic.HOOK).order_by("id")


def later(secs):
    return NOW + dt.timedelta(seconds=secs)


class TestMessages:
    def test_a_channel_is_told_once(self) -> None:
        factories.NotificationChannelFactory(name="noc")
        happened(reason="it does not answer")

        assert deliveries.deliver_messages(send, now=NOW) == 1
        assert deliveries.deliver_messages(send, now=later(3600)) == 0

        (told,) = mail.outbox
        assert told.to == ["noc@example.com"]
        assert "Switch completed" in told.subject
        assert "it does not answer" in told.body

    def test_a_storm_is_one_message(self) -> None:
        factories.NotificationChannelFactory()
        for number in range(5):
            happened(event_type=EventType.FAILED, reason=f"reason {number}")

        assert deliveries.deliver_messages(send, now=NOW) == 5

        (told,) = mail.outbox
        assert "(and 4 more)" in told.subject
        assert all(f"reason {number}" in told.body for number in range(5))

    def test_a_channel_hears_of_its_types_and_policies_alone(self) -> None:
        berlin, paris = factories.FailoverPolicyFactory(), factories.FailoverPolicyFactory()
        chosen = factories.NotificationChannelFactory(event_types=["paused"])
        chosen.policies.add(berlin)

        happened(paris, EventType.PAUSED)
        happened(berlin, EventType.COMPLETED)
        assert not messages().exists()

        happened(berlin, EventType.PAUSED)
        assert messages().count() == 1

    def test_what_is_not_worth_a_message_sends_none(self) -> None:
        factories.NotificationChannelFactory()
        happened(event_type=EventType.TRIGGERED)

        assert not messages().exists()

    def test_a_mail_server_that_is_away_is_asked_again_and_named(self) -> None:
        channel = factories.NotificationChannelFactory()
        happened()

        def refused(subject, text, recipients):
            raise ConnectionRefusedError(111, "Connection refused")

        assert deliveries.deliver_messages(refused, now=NOW) == 0
        channel.refresh_from_db()
        assert "check EMAIL_URL" in channel.last_error

        assert deliveries.deliver_messages(send, now=later(1)) == 0, "not before its time"
        assert deliveries.deliver_messages(send, now=later(60)) == 1
        channel.refresh_from_db()
        assert (channel.last_error, channel.last_sent_at) == ("", later(60))

    def test_a_day_of_failures_is_enough(self) -> None:
        factories.NotificationChannelFactory(
            kind="webhook", options={"url": "http://127.0.0.1:1/", "timeout_secs": 1}
        )
        happened()

        deliveries.deliver_messages(send, now=NOW)
        assert messages().get().done_at is None
        deliveries.deliver_messages(send, now=later(90_000))

        row = messages().get()
        assert row.done_at == later(90_000)
        assert "was not reached" in row.last_error

    def test_options_that_cannot_work_are_not_tried_again(self) -> None:
        factories.NotificationChannelFactory(options={"to": "noc@example.com"})
        happened()

        deliveries.deliver_messages(send, now=NOW)

        assert messages().get().done_at == NOW
        assert "a list of addresses" in messages().get().last_error

    def test_a_subject_cannot_smuggle_in_a_header(self) -> None:
        factories.NotificationChannelFactory()
        policy = factories.FailoverPolicyFactory(name="Berlin\nBcc: everybody@example.com")
        happened(policy, policy_name=policy.name)

        deliveries.deliver_messages(send, now=NOW)

        assert "\n" not in mail.outbox[0].subject
        assert mail.outbox[0].bcc == []

    def test_messages_of_a_channel_that_is_gone_or_disabled_end(self) -> None:
        gone, off = factories.NotificationChannelFactory(), factories.NotificationChannelFactory()
        happened()
        gone.delete()
        type(off).objects.update(enabled=False)

        assert deliveries.deliver_messages(send, now=NOW) == 0
        assert [row.last_error for row in messages()] == [
            "the channel was deleted", "the channel was disabled",
        ]  # fmt: skip
        assert mail.outbox == []

    def test_what_another_worker_has_taken_is_left_to_him(self) -> None:
        factories.NotificationChannelFactory()
        happened()

        def slow(subject, text, recipients):
            assert deliveries.deliver_messages(send, now=later(1)) == 0

        assert deliveries.deliver_messages(slow, now=NOW) == 1
        assert mail.outbox == []

    def test_the_task_says_what_it_did(self) -> None:
        assert deliver_messages() == "sent 0 messages"
        assert run_hooks("nowhere") == "there is no probe host nowhere"


class TestHooks:
    @pytest.fixture
    def policy(self):
        member = factories.PolicyMemberFactory(position=0)
        return member.policy

    @pytest.fixture
    def vantage_id(self, policy):
        return policy.members.get().path.uplink.vantage_id

    @pytest.fixture
    def command(self, tmp_path):
        """A command that keeps what it was told, and how to read it."""
        file = tmp_path / "hook"
        file.write_text(f'#!/bin/sh\necho "$PATHWARDEN_TO_PATH" >> {tmp_path}/ran\n')
        file.chmod(0o755)

        def ran():
            return (tmp_path / "ran").read_text().split() if (tmp_path / "ran").exists() else []

        return {"argv": [str(file)]}, ran

    def test_a_hook_is_run_after_its_delay_on_its_own_probe_host(
        self, policy, vantage_id, command
    ) -> None:
        options, ran = command
        factories.PolicyHookFactory(policy=policy, options=options, delay_secs=30)
        happened(policy, to_path_name="lte")

        assert deliveries.run_hooks(vantage_id, now=later(29)) == 0
        assert deliveries.run_hooks(vantage_id + 1, now=later(30)) == 0
        assert deliveries.run_hooks(vantage_id, now=later(30)) == 1
        assert deliveries.run_hooks(vantage_id, now=later(600)) == 0
        assert ran() == ["lte"]

    def test_within_the_cooldown_events_are_left_out(self, policy, vantage_id, command) -> None:
        options, ran = command
        hook = factories.PolicyHookFactory(policy=policy, options=options, cooldown_secs=60)
        happened(policy, to_path_name="lte")
        happened(policy, to_path_name="fibre")

        assert deliveries.run_hooks(vantage_id, now=NOW) == 1
        assert ran() == ["lte"]
        assert "within 60 s" in hooks().last().last_error
        hook.refresh_from_db()
        assert hook.last_run_at == NOW

    def test_a_hook_that_fails_is_run_again_and_named(self, policy, vantage_id) -> None:
        hook = factories.PolicyHookFactory(policy=policy, options={"argv": ["/bin/false"]})
        happened(policy)

        assert deliveries.run_hooks(vantage_id, now=NOW) == 0
        hook.refresh_from_db()
        assert "/bin/false ended with status 1" in hook.last_error
        assert hooks().get().done_at is None
        assert hooks().get().next_attempt_at > NOW

    def test_hooks_of_other_events_and_disabled_ones_are_not_asked_for(self, policy) -> None:
        factories.PolicyHookFactory(policy=policy, event_types=["failed"])
        factories.PolicyHookFactory(policy=policy, enabled=False)
        happened(policy)

        assert not hooks().exists()

    def test_what_is_due_is_known_by_topic_and_host(self, policy, vantage_id) -> None:
        factories.PolicyHookFactory(policy=policy)
        factories.NotificationChannelFactory()
        assert deliveries.due_topics(vantage_id, now=NOW) == set()

        happened(policy)

        assert deliveries.due_topics(vantage_id, now=NOW) == {"notify", "hook"}
        assert deliveries.due_topics(vantage_id + 1, now=NOW) == {"notify"}


class TestAdmin:
    @pytest.mark.parametrize(
        ("kind", "options", "words"),
        [
            ("email", {"to": []}, "to is []"),
            ("email", {"to": ["noc"]}, "an address such as"),
            ("email", {"cc": ["a@b.c"]}, "cc is not known"),
            ("webhook", {"url": "router"}, "url is &#x27;router&#x27;"),
        ],
    )
    def test_options_that_cannot_work_are_refused_at_their_field(
        self, superuser_client, kind, options, words
    ) -> None:
        answer = superuser_client.post(
            reverse("admin:failover_notificationchannel_add"),
            {"name": "noc", "enabled": "on", "kind": kind, "options": json.dumps(options),
             "event_types": "[]"},
        )  # fmt: skip

        assert answer.status_code == 200
        assert words in answer.content.decode()

    def test_an_unknown_type_of_event_is_named(self, superuser_client) -> None:
        answer = superuser_client.post(
            reverse("admin:failover_notificationchannel_add"),
            {"name": "noc", "kind": "email", "options": '{"to": ["a@example.com"]}',
             "event_types": '["exploded"]'},
        )  # fmt: skip

        assert "&#x27;exploded&#x27; is no type of event" in answer.content.decode()

    def test_a_test_message_tells_at_once_whether_it_arrives(self, superuser_client) -> None:
        good = factories.NotificationChannelFactory(name="good")
        bad = factories.NotificationChannelFactory(name="bad", options={"to": []})

        answer = superuser_client.post(
            reverse("admin:failover_notificationchannel_changelist"),
            {"action": "send_test", "_selected_action": [good.pk, bad.pk]},
            follow=True,
        )

        assert "good: the test message was taken." in answer.content.decode()
        assert "bad: to is []" in answer.content.decode()
        assert len(mail.outbox) == 1

    def test_a_hook_with_a_command_that_cannot_work_is_refused(self, superuser_client) -> None:
        policy = factories.FailoverPolicyFactory()
        answer = superuser_client.post(
            reverse("admin:failover_policyhook_add"),
            {"policy": policy.pk, "name": "x", "kind": "command",
             "options": '{"argv": "reboot"}', "event_types": "[]", "delay_secs": 0,
             "cooldown_secs": 0},
        )  # fmt: skip

        assert "must be a list of words" in answer.content.decode()
