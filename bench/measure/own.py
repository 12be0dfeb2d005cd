"""Metrics and profiles, ours or of a user's own: what is made of a function or class."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from sampler_bench.bench.features import distances
from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.measure.forms import MEASUREMENT, METRIC, OF_FEATURES, PROFILE
from sampler_bench.bench.measure.measurement import Measurement
from sampler_bench.bench.measure.metrics import Measure, Value, features_of
from sampler_bench.bench.measure.profiles.probe import Probe
from sampler_bench.kit import own_files
from sampler_bench.results import Shard
from sampler_bench.results.metric import SHIPPED, Metric

Class = TypeVar("Class")
Distance = Callable[[np.ndarray, np.ndarray], float]


def metric(name: str, found: Any) -> Measure:
    """Return a row of ``METRICS``.

    Args:
        name: What it is called: ``file:NAME`` from a user's own file.
        found: A function of one of the forms; its attributes ``long``, ``short``, ``better``,
            ``taken_of`` and ``needs`` are those of :class:`~results.metric.Metric`.

    Raises:
        ValueError: If ``found`` can be none, or says what cannot be; one line.
    """
    if isinstance(found, Measure):
        return found
    form = METRIC.of_function(found) if inspect.isroutine(found) else None
    if form is None:
        raise METRIC.refused("metric", name, found)
    row = SHIPPED[name] if name in SHIPPED else Metric.said_by(found, name)
    if form == OF_FEATURES:
        row = replace(row, needs="features")
        return Measure(_left_out(found), row, distances.MOST_FOR_LEAVE_ONE_OUT)
    return Measure(found, row)


def _left_out(distance: Distance) -> Callable[[Sequence[Shard], ReferenceSource], Value]:
    """Return what takes a distance between features over all shards, and with each left out."""

    def merge(shards: Sequence[Shard], source: ReferenceSource) -> Value:
        def between(features: Tensor, real: Tensor) -> float:
            return float(distance(features.numpy(), real.numpy()))

        with own_files.in_one_line():
            return distances.left_out(between, features_of(shards), source.features())

    return merge


def measurement(name: str, found: Any) -> type[Measurement]:
    """Return a row of ``MEASUREMENTS``.

    Raises:
        ValueError: If ``found`` can be none; one line.
    """
    if not (inspect.isclass(found) and issubclass(found, Measurement)):
        raise MEASUREMENT.refused("measurement", name, found)
    return _whole("measurement", name, found)


def profile(name: str, found: Any) -> type[Probe]:
    """Return a row of ``PROBES``.

    Raises:
        ValueError: If ``found`` can be none; one line.
    """
    if not (inspect.isclass(found) and issubclass(found, Probe)):
        raise PROFILE.refused("profile metric", name, found)
    return _whole("profile metric", name, found)


def _whole(what: str, name: str, found: type[Class]) -> type[Class]:
    missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
    if missing:
        raise ValueError(f"{what} {name}: the class {found.__name__} lacks {missing}")
    return found
