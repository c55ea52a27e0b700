"""``METRICS``: every series of ours, by name. To add one: a row here, its samples in
``export.collectors``, a row in docs/metrics.md (a test compares them).

Base units only, as Prometheus asks: seconds, ratios, bytes per second.
"""

from __future__ import annotations

from export.exposition import Metric, MetricType

_PATH = ("path_id", "path", "site")
_UPLINK = ("uplink_id", "uplink", "site")
_POLICY = ("policy_id", "policy")
_COUNTER, _GAUGE = MetricType.COUNTER, MetricType.GAUGE
_INFO, _SUMMARY = MetricType.INFO, MetricType.SUMMARY

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "pathwarden_path_health_score",
            _GAUGE,
            "Health score of the path, 0 (dead) to 100.",
            _PATH,
        ),
        Metric(
            "pathwarden_path_latency_seconds",
            _GAUGE,
            "Mean round-trip time of the window.",
            _PATH,
            "seconds",
        ),
        Metric(
            "pathwarden_path_packet_loss_ratio",
            _GAUGE,
            "Lost share of the window's probes, 0 to 1.",
            _PATH,
            "ratio",
        ),
        Metric(
            "pathwarden_path_jitter_seconds",
            _GAUGE,
            "Mean difference of consecutive round-trip times.",
            _PATH,
            "seconds",
        ),
        Metric(
            "pathwarden_path_direction_loss_ratio",
            _GAUGE,
            "Share of the window's probes lost on the way there (forward) or back, 0 to 1.",
            (*_PATH, "direction"),
            "ratio",
        ),
        Metric(
            "pathwarden_path_direction_jitter_seconds",
            _GAUGE,
            "Mean difference of consecutive one-way delays there (forward) or back.",
            (*_PATH, "direction"),
            "seconds",
        ),
        Metric(
            "pathwarden_path_mos",
            _GAUGE,
            "Estimated mean opinion score of a call (ITU-T G.107), 1 to 4.5.",
            _PATH,
        ),
        Metric(
            "pathwarden_path_status",
            _GAUGE,
            "1 for the present status of the path, 0 for the others.",
            (*_PATH, "state"),
        ),
        Metric(
            "pathwarden_path_reachable",
            _GAUGE,
            "1 while enough targets of the path answer, 0 while not.",
            _PATH,
        ),
        Metric(
            "pathwarden_path_last_check_timestamp_seconds",
            _GAUGE,
            "When a probe of the path was last settled, in seconds since 1970.",
            _PATH,
            "seconds",
        ),
        Metric(
            "pathwarden_path_probes_total",
            _COUNTER,
            "Probes settled since the path exists.",
            _PATH,
        ),
        Metric(
            "pathwarden_path_probe_failures_total",
            _COUNTER,
            "Probes without an answer since the path exists, by reason.",
            (*_PATH, "reason"),
        ),
        Metric(
            "pathwarden_path_info",
            _INFO,
            "What the path is; always 1.",
            (*_PATH, "uplink", "destination", "kind"),
        ),
        Metric(
            "pathwarden_uplink_bandwidth_bytes_per_second",
            _GAUGE,
            "Configured bandwidth of the uplink, down or up.",
            (*_UPLINK, "direction"),
            "bytes_per_second",
        ),
        Metric(
            "pathwarden_uplink_up",
            _GAUGE,
            "1 while the interface of the uplink is up and has a carrier, 0 while not.",
            _UPLINK,
        ),
        Metric(
            "pathwarden_uplink_receive_bytes_total",
            _COUNTER,
            "Bytes received on the uplink's interface since it was first counted.",
            _UPLINK,
            "bytes",
        ),
        Metric(
            "pathwarden_uplink_transmit_bytes_total",
            _COUNTER,
            "Bytes sent on the uplink's interface since it was first counted.",
            _UPLINK,
            "bytes",
        ),
        Metric(
            "pathwarden_uplink_receive_packets_total",
            _COUNTER,
            "Packets received on the uplink's interface.",
            _UPLINK,
        ),
        Metric(
            "pathwarden_uplink_transmit_packets_total",
            _COUNTER,
            "Packets sent on the uplink's interface.",
            _UPLINK,
        ),
        Metric(
            "pathwarden_uplink_receive_errors_total",
            _COUNTER,
            "Received packets with an error, on the uplink's interface.",
            _UPLINK,
        ),
        Metric(
            "pathwarden_uplink_transmit_errors_total",
            _COUNTER,
            "Packets that could not be sent for an error, on the uplink's interface.",
            _UPLINK,
        ),
        Metric(
            "pathwarden_uplink_receive_drops_total",
            _COUNTER,
            "Received packets that were dropped, on the uplink's interface.",
            _UPLINK,
        ),
        Metric(
            "pathwarden_uplink_transmit_drops_total",
            _COUNTER,
            "Packets that were dropped instead of sent, on the uplink's interface.",
            _UPLINK,
        ),
        Metric(
            "pathwarden_policy_active_path",
            _GAUGE,
            "1 for the path that carries the policy's traffic, 0 for its other members.",
            (*_POLICY, "path_id", "path"),
        ),
        Metric(
            "pathwarden_policy_using_primary",
            _GAUGE,
            "1 while the primary carries the policy's traffic, 0 while another path does.",
            _POLICY,
        ),
        Metric(
            "pathwarden_policy_generation",
            _GAUGE,
            "Number of the policy's switches so far; fences executors.",
            _POLICY,
        ),
        Metric(
            "pathwarden_failover_policies",
            _GAUGE,
            "Number of policies, enabled (true) and disabled (false).",
            ("enabled",),
        ),
        Metric(
            "pathwarden_failover_events_total",
            _COUNTER,
            "Events of the policy, by type; deleted policies keep theirs.",
            (*_POLICY, "type"),
        ),
        Metric(
            "pathwarden_failover_switch_duration_seconds",
            _SUMMARY,
            "Time from the decision to the verified switch, of completed switches.",
            _POLICY,
            "seconds",
        ),
        Metric(
            "pathwarden_monitor_lease_age_seconds",
            _GAUGE,
            "Time since the monitor of the probe host renewed its lease.",
            ("vantage",),
            "seconds",
        ),
        Metric(
            "pathwarden_monitor_overruns_total",
            _COUNTER,
            "Probe slots that were void because the monitor was late.",
            ("vantage",),
        ),
        Metric(
            "pathwarden_monitor_lag_seconds",
            _GAUGE,
            "How late the monitor's loop was at worst in its last second.",
            ("vantage",),
            "seconds",
        ),
        Metric(
            "pathwarden_monitor_dropped_samples_total",
            _COUNTER,
            "Samples lost because the database was away too long, since the monitor started.",
            ("vantage",),
        ),
        Metric(
            "pathwarden_build_info",
            _INFO,
            "Version of Pathwarden and of what it runs on; always 1.",
            ("version", "python", "django", "database"),
        ),
    )
}
