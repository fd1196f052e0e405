"""Figures for whoever watches over the server, as Prometheus reads them: counts and seconds, never a person."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

import data.db

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
#: What a phone sends; 201 says that it was new.
INTAKE = ("PUT", "/api/reports/{uuid}", 201)


class Metrics:
    """The figures of one application, kept apart from those of any other in the same process."""

    def __init__(self, engine: data.db.Engine) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter("wangge_requests", "Requests answered", (*labels, "status"), registry=self.registry)
        self._seconds = Histogram(
            "wangge_request_seconds", "Time to the end of an answer", labels, buckets=SECONDS, registry=self.registry
        )
        self._reports = Counter("wangge_reports_received", "Reports kept for the first time", registry=self.registry)
        pool = Gauge("wangge_connections_in_use", "Connections of the pool that are in use", registry=self.registry)
        pool.set_function(lambda: data.db.connections_in_use(engine))
        self._jobs = Gauge(
            "wangge_jobs",
            "Jobs that wait or are dead, and seconds the latest is overdue",
            ("state",),
            registry=self.registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request has been answered."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
        if (method, route, status) == INTAKE:
            self._reports.inc()

    def text(self, jobs: Mapping[str, float]) -> bytes:
        """All figures now, with what the queue of jobs says of itself."""
        self._jobs.clear()
        for state, figure in jobs.items():
            self._jobs.labels(state).set(figure)
        return generate_latest(self.registry)
