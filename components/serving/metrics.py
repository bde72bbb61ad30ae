"""The service's metrics for Prometheus: under TensorFlow Serving's names, and the duration of requests under OpenTelemetry's."""

from collections import defaultdict
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric

MICROSECONDS = tuple(10 * 1.8**power for power in range(33))
"""TensorFlow Serving's buckets."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""OpenTelemetry's."""
SERVING = ":tensorflow:serving:"


class Metrics:
    """Counts and times. A method takes about a microsecond."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._counts: defaultdict[tuple[str, tuple[tuple[str, str], ...]], float] = defaultdict(float)
        times = {
            "request_latency": (("model_name", "API", "entrypoint"), "Distribution of wall time (in microseconds) of requests."),
            "runtime_latency": (("model_name", "API", "runtime"), "Distribution of wall time (in microseconds) of the model's own calls."),
            "model_warmup_latency": (("model_path", "status"), "Distribution of wall time (in microseconds) of warm-ups."),
        }
        self._times = {
            name: Histogram(SERVING + name, text, labels, buckets=MICROSECONDS, registry=self.registry)
            for name, (labels, text) in times.items()
        }
        labels = ("http_request_method", "http_route", "http_response_status_code")
        self._requests = Histogram(
            "http_server_request_duration_seconds", "Duration of requests.", labels, buckets=SECONDS, registry=self.registry
        )
        self._gauges: dict[str, Gauge] = {}
        self._series: dict[tuple[str, ...], Histogram] = {}

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Add to a counter of TensorFlow Serving's, or of ours where the name begins with `perennial_`."""
        self._counts[name if name.startswith("perennial_") else SERVING + name, tuple(labels.items())] += amount

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a level of ours, such as of one model."""
        self._counts[name, tuple(labels.items())] = value

    def time(self, name: str, seconds: float, *labels: str) -> None:
        """Observe a duration under one of TensorFlow Serving's names."""
        self._one(name, self._times[name], labels).observe(1e6 * seconds)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Observe a request. The route has no names of models that do not exist."""
        self._one("", self._requests, (method, route, str(status))).observe(seconds)

    def _one(self, name: str, histogram: Histogram, labels: tuple[str, ...]) -> Histogram:
        """The series of labels, which prometheus_client itself takes a while to find."""
        series = self._series.get((name, *labels))
        if series is None:
            series = self._series[(name, *labels)] = histogram.labels(*labels)
        return series

    def level(self, name: str, text: str, value: float) -> None:
        """Set a gauge of ours."""
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, text, registry=self.registry)
        self._gauges[name].set(value)

    def collect(self) -> Iterable[Metric]:
        """The counters and levels, for prometheus_client. Its own have names that end with `_total`, which TensorFlow Serving's do not."""
        families: dict[str, Metric] = {}
        for (name, labels), amount in sorted(self._counts.items()):
            family = families.setdefault(name, Metric(name, "A counter.", "unknown"))
            family.add_sample(name, dict(labels), amount)
        return list(families.values())

    def page(self) -> bytes:
        """What Prometheus scrapes."""
        return generate_latest(self.registry)
