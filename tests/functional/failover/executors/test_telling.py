"""Executors that tell somebody else: real programs, a real HTTP server, real files."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import os
import threading
import time
from pathlib import Path

import pytest

from failover.executors.base import ExecutorError, Intent, Proposal, UplinkFacts
from failover.executors.command import CommandExecutor
from failover.executors.track_file import TrackFileExecutor
from failover.executors.webhook import WebhookExecutor

FIBRE = UplinkFacts(1, "fibre", "wan1", "192.0.2.1", source="192.0.2.2")
LTE = UplinkFacts(2, "lte", "wan2", "198.51.100.1")


def order(options: dict, generation: int = 1, to: UplinkFacts = LTE) -> Intent:
    return Intent("uid-1", "Berlin", generation, 7, to, FIBRE, options=options)


def script(folder: Path, text: str) -> str:
    file = folder / "switch"
    file.write_text("#!/bin/sh\n" + text)
    file.chmod(0o755)
    return str(file)


@pytest.fixture
def command(tmp_path):
    return CommandExecutor(tmp_path / "fence")


class TestCommand:
    def test_the_program_gets_the_switch_and_none_of_our_environment(
        self, command, tmp_path, monkeypatch
    ) -> None:
        monkeypatch.setenv("SECRET_KEY", "hidden")
        argv = [script(tmp_path, f"env > {tmp_path}/env; cat > {tmp_path}/stdin; echo moved\n")]

        applied = command.apply(command.plan(order({"argv": argv})))

        told = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
        assert told["PATHWARDEN_TO_INTERFACE"] == "wan2"
        assert told["PATHWARDEN_FROM_GATEWAY"] == "192.0.2.1"
        assert told["PATHWARDEN_GENERATION"] == "1"
        assert "SECRET_KEY" not in told
        assert json.loads((tmp_path / "stdin").read_text())["to"]["path"] == "lte"
        assert applied.detail.endswith("moved")

    def test_a_name_with_shell_characters_is_one_word(self, command, tmp_path) -> None:
        argv = [script(tmp_path, f'printf %s "$1" > {tmp_path}/word\n'), "$(reboot); x"]

        command.apply(command.plan(order({"argv": argv})))

        assert (tmp_path / "word").read_text() == "$(reboot); x"

    @pytest.mark.parametrize(("status", "retryable"), [(1, True), (75, True), (78, False)])
    def test_a_failure_says_status_and_output(self, command, tmp_path, status, retryable) -> None:
        argv = [script(tmp_path, f"echo no route to router; exit {status}\n")]

        with pytest.raises(ExecutorError, match=f"status {status}: no route to router") as failed:
            command.apply(command.plan(order({"argv": argv})))

        assert failed.value.retryable is retryable

    def test_what_does_not_end_is_killed_with_all_it_started(self, command, tmp_path) -> None:
        argv = [script(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; wait\n")]

        with pytest.raises(ExecutorError, match=r"did not end within 0\.5 s") as failed:
            command.apply(command.plan(order({"argv": argv, "timeout_secs": 0.5})))

        assert failed.value.retryable
        child = int((tmp_path / "child").read_text())
        deadline = time.monotonic() + 10
        while _lives(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _lives(child)

    def test_the_verifying_program_has_the_last_word(self, command, tmp_path) -> None:
        options = {"argv": ["/bin/true"], "verify": ["/bin/false"]}

        with pytest.raises(ExecutorError, match="/bin/false ended with status 1"):
            command.apply(command.plan(order(options)))

    def test_an_older_order_is_refused_also_after_a_restart(self, command, tmp_path) -> None:
        options = {"argv": ["/bin/true"]}
        command.apply(command.plan(order(options, generation=5)))
        successor = CommandExecutor(tmp_path / "fence")

        with pytest.raises(ExecutorError, match="is older than"):
            successor.apply(successor.plan(order(options, generation=4)))
        assert successor.observe("uid-1").path_key == 2

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({}, "argv is None"),
            ({"argv": "reboot"}, "argv is 'reboot'; it must be a list"),
            ({"argv": ["reboot"]}, "full path"),
            ({"argv": ["/bin/true"], "shell": True}, "shell is not known"),
            ({"argv": ["/bin/true"], "timeout_secs": 900}, "at most 60"),
            ({"argv": ["/bin/true"], "timeout_secs": "10"}, "a number of seconds"),
        ],
    )
    def test_options_that_cannot_work_are_named_before_anything_runs(
        self, command, options, words
    ) -> None:
        (problem,) = command.check(Proposal("uid-1", "Berlin", (FIBRE, LTE), (), options=options))

        assert words in problem.text()
        with pytest.raises(ExecutorError, match="executor_options"):
            command.plan(order(options))

    def test_a_program_that_is_missing_is_not_tried_again(self, command) -> None:
        with pytest.raises(ExecutorError, match="can't be started") as failed:
            command.apply(command.plan(order({"argv": ["/nowhere/switch"]})))

        assert not failed.value.retryable

    def test_output_is_kept_to_its_end(self, command, tmp_path) -> None:
        argv = [script(tmp_path, "yes noise | head -c 100000; echo the end\n")]

        applied = command.apply(command.plan(order({"argv": argv})))

        assert applied.detail.endswith("the end")
        assert len(applied.detail) < 6000


class Receiver:
    """An HTTP server of the operator's; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.status, self.headers, self.bodies = 200, [], []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                receiver.bodies.append(self.rfile.read(length))
                receiver.headers.append(self.headers)
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(b"heard")

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/switch?site=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


class TestWebhook:
    def test_the_message_is_signed_and_names_itself(self, receiver, tmp_path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("not to be guessed\n")
        executor = WebhookExecutor(tmp_path / "fence")

        executor.apply(
            executor.plan(order({"url": receiver.url, "secret_file": str(secret)}, generation=3))
        )

        (body,), (headers,) = receiver.bodies, receiver.headers
        signed = headers["X-Pathwarden-Timestamp"].encode() + b"." + body
        wanted = hmac.new(b"not to be guessed", signed, hashlib.sha256).hexdigest()
        assert headers["X-Pathwarden-Signature"] == f"sha256={wanted}"
        assert headers["Idempotency-Key"] == "uid-1-7-3"
        assert json.loads(body)["to"]["interface"] == "wan2"

    @pytest.mark.parametrize(
        ("status", "retryable"), [(500, True), (503, True), (429, True), (400, False), (302, False)]
    )
    def test_anything_but_success_is_a_failure(self, receiver, tmp_path, status, retryable) -> None:
        receiver.status = status
        executor = WebhookExecutor(tmp_path / "fence")

        with pytest.raises(ExecutorError, match=f"answered {status}: heard") as failed:
            executor.apply(executor.plan(order({"url": receiver.url})))

        assert failed.value.retryable is retryable
        assert len(receiver.bodies) == 1, "a redirect is not followed"

    def test_nobody_listening_is_worth_another_attempt(self, receiver, tmp_path) -> None:
        receiver.server.shutdown()
        receiver.server.server_close()
        executor = WebhookExecutor(tmp_path / "fence")

        with pytest.raises(ExecutorError, match="was not reached") as failed:
            executor.apply(executor.plan(order({"url": receiver.url})))

        assert failed.value.retryable

    @pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "[fe80::1]", "224.0.0.1"])
    def test_addresses_of_nobody_are_not_told(self, tmp_path, host) -> None:
        executor = WebhookExecutor(tmp_path / "fence")

        with pytest.raises(ExecutorError, match="nobody's address") as failed:
            executor.apply(executor.plan(order({"url": f"http://{host}/"})))

        assert not failed.value.retryable

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({}, "url is None"),
            ({"url": "ftp://router/"}, "url is 'ftp://router/'"),
            ({"url": "https://router/", "secret_file": "/nowhere"}, "secret_file /nowhere"),
            ({"url": "https://router/", "token": "x"}, "token is not known"),
        ],
    )
    def test_options_that_cannot_work_are_named(self, tmp_path, options, words) -> None:
        executor = WebhookExecutor(tmp_path / "fence")
        problems = executor.check(Proposal("uid-1", "Berlin", (FIBRE, LTE), (), options=options))

        assert words in problems[0].text()
        assert problems[0].blocks

    def test_an_unsigned_message_is_worth_a_warning(self, tmp_path) -> None:
        executor = WebhookExecutor(tmp_path / "fence")
        options = {"url": "https://router.example/"}
        (problem,) = executor.check(Proposal("uid-1", "Berlin", (FIBRE, LTE), (), options=options))

        assert not problem.blocks


class TestTrackFile:
    def test_the_number_of_the_path_is_in_the_file(self, tmp_path) -> None:
        executor = TrackFileExecutor(tmp_path / "fence")
        options = {"file": str(tmp_path / "wan"), "values": {"fibre": 0, "lte": -50}}

        executor.apply(executor.plan(order(options)))
        assert (tmp_path / "wan").read_text() == "-50\n"

        executor.apply(executor.plan(order(options, generation=2, to=FIBRE)))
        assert (tmp_path / "wan").read_text() == "0\n"
        assert sorted(file.name for file in tmp_path.iterdir()) == ["fence", "wan"]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"file": "wan"}, "file is 'wan'"),
            ({"values": {"fibre": 0}}, r"values['lte'] is None"),
            ({"values": {"fibre": 0, "lte": 900}}, "-254 to 254"),
            ({"values": [0, 1]}, "numbers by path"),
            ({"file": "/nowhere/at/all"}, "The folder /nowhere/at does not exist."),
        ],
    )
    def test_options_that_cannot_work_are_named(self, tmp_path, change, words) -> None:
        options = {"file": str(tmp_path / "wan"), "values": {"fibre": 0, "lte": -50}, **change}
        executor = TrackFileExecutor(tmp_path / "fence")
        (problem,) = executor.check(Proposal("uid-1", "Berlin", (FIBRE, LTE), (), options=options))

        assert words in problem.text()

    def test_a_folder_that_is_gone_fails_and_can_be_tried_again(self, tmp_path) -> None:
        options = {"file": str(tmp_path / "gone" / "wan"), "values": {"fibre": 0, "lte": -50}}
        executor = TrackFileExecutor(tmp_path / "fence")

        with pytest.raises(ExecutorError, match="can't be written") as failed:
            executor.apply(executor.plan(order(options)))

        assert failed.value.retryable


def test_the_plan_is_what_people_read(tmp_path) -> None:
    plan = CommandExecutor(tmp_path).plan(order({"argv": ["/usr/local/bin/switch", "a b"]}))

    assert plan.text().startswith("run /usr/local/bin/switch 'a b' (at most 10 s)")
    assert "PATHWARDEN_TO_PATH=lte" in plan.text()


def test_a_policy_that_is_gone_leaves_no_fence(tmp_path) -> None:
    executor = CommandExecutor(tmp_path)
    executor.apply(executor.plan(order({"argv": ["/bin/true"]})))
    assert executor.known_policies() == ["uid-1"]

    executor.remove("uid-1")

    assert executor.known_policies() == []
    assert executor.observe("uid-1") is None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    return state != "Z"
