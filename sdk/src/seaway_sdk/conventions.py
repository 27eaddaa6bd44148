"""Every name this distribution writes, in one table; also read by Seaway itself.

Names are OpenTelemetry's (semantic conventions 1.44.0, HTTP is stable) in Prometheus' translation, and our own
under `seaway`. Pure: no imports beyond the standard library's arithmetic.
"""

from __future__ import annotations

REQUEST_HEADER = "x-seaway-request"
LOAD_HEADER = "x-seaway-load"
POD_HEADER = "x-seaway-pod"
REFUSED_HEADER = "x-seaway-refused"

METRICS_PATH = "/metrics"
COUNTS_PATH = "/-/counts"
LABELS_PATH = "/-/labels"
HEALTH_PATH = "/-/health"
TELEMETRY_PORT = 9464

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
OTHER_METHOD = "_OTHER"
UNMATCHED_ROUTE = "unmatched"
OVERFLOW_ROUTE = "overflow"

DURATION = "http_server_request_duration_seconds"
LOAD_DURATION = "seaway_load_request_duration_seconds"
ACTIVE = "http_server_active_requests"
EVALUATION = "seaway_evaluation_total"
LABELS = "seaway_labels_total"
BUILD_INFO = "seaway_build_info"
DROPPED = "seaway_sdk_dropped_total"
PROCESS_CPU = "process_cpu_seconds_total"
PROCESS_MEMORY = "process_resident_memory_bytes"

ERRORS = "errors"
LATENCY = "latency"
RESERVED = frozenset({ERRORS, LATENCY})
"""Criteria the request path counts by itself; an outcome may not take these names."""

NAME_LIMIT = 64
SERIES_LIMIT = 2_000
OUTCOME_LIMIT = 64
LABEL_BYTES = 1 << 20
LABEL_DAYS = 180
LABEL_MEMORY = 65_536
"""How many labelled requests a process remembers, to refuse repeats."""
