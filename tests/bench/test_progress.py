"""What a run shows while it goes on, by a clock of the test's own."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from sampler_bench.bench.commands.drawing import Drawing
from sampler_bench.bench.run.progress import Watcher

ONCE, FEATURES, EACH = 100.0, 2.0, 0.01
"""Seconds: of the first cell alone, of each cell beside its samples, and of an evaluation."""


def job(label, nfe, samples=100, key=None):
    cell = SimpleNamespace(metric="fid", samples=samples, reference_digest="r", seed_start=0)
    return SimpleNamespace(
        label=label,
        name="model",
        key=key or f"{label}-{nfe}",
        nfe=nfe,
        cell=cell,
        cells=[cell],
        settings={},
        measurement=SimpleNamespace(steps=None),
    )


def record(work, nfe):
    return SimpleNamespace(
        label=work.label, nfe=nfe, metric_name="a distance", value=3.0, se=0.5, seconds=1.0
    )


class Run:
    """A watcher of jobs that take the time they are told to."""

    def __init__(self, *works, draw=None):
        self.now, self.file = 1000.0, io.StringIO()
        plan = SimpleNamespace(work=works, cells=len(works))
        console = Console(file=self.file, force_terminal=False, width=160)
        self.watcher = Watcher(plan, console, draw, clock=lambda: self.now)

    def does(self, work, nfe=None, beside=FEATURES):
        """Measure a job in one group."""
        nfe = work.nfe or nfe
        samples = work.cell.samples
        self.watcher.begin(work)
        self.now += nfe * samples * EACH
        self.watcher.sampled(samples, nfe * samples)
        self.now += beside
        self.watcher.measured(work, samples, nfe * samples * EACH)
        self.watcher.finished(work, [record(work, nfe)], resumed=False)

    @property
    def lines(self):
        return self.file.getvalue().splitlines()

    @property
    def last(self):
        return self.lines[-1].partition("; ")[2]


def test_the_time_left_holds_what_is_beside_samples_and_not_what_is_paid_once():
    works = [job("Euler", nfe) for nfe in (10, 20, 30, 40)]
    run = Run(*works)
    run.does(works[0], beside=ONCE)
    # 90 evaluations of 100 samples, at least: what each cell takes beside them is not known.
    assert run.last == "at least 2 min left"
    run.does(works[1])
    assert run.last == "about 75 s left"  # 70 evaluations of 100 samples, and two cells' features
    run.does(works[2])
    run.does(works[3])
    assert run.last == ""


def test_what_is_paid_once_may_stand_in_the_estimate_where_it_is_little():
    works = [job("Euler", nfe) for nfe in (400, 401)]
    run = Run(*works)
    run.does(works[0], beside=80)
    assert run.last == "about 8 min left"  # 401 s of samples, and 80 s at most


def test_an_adaptive_sampler_is_named_until_its_evaluations_are_known():
    euler, heun = job("Euler", 10), job("Euler", 20)
    first, second = job("RK45", None, key="a"), job("RK45", None, key="b")
    run = Run(euler, heun, first, second)
    run.does(euler)
    run.does(heun)
    assert run.lines[0].endswith("; about 20 s left, not counting RK45")
    assert run.last == "RK45 left, for how long is not known yet"
    run.watcher.begin(first)
    run.now += 200  # four times as slow as the others
    run.watcher.sampled(50, 50 * 100)
    assert run.watcher.left == "about 10 min left"  # 50 + 100 samples of 100 evaluations, features
    run.watcher.failed(first, "told")
    assert run.watcher.left == "about 7 min left"
    run.watcher.finished(second, [], resumed=True)
    assert run.watcher.left == "about 5 s left"


def test_cells_that_were_done_before_tell_no_time():
    works = [job("Euler", nfe) for nfe in (10, 20, 30)]
    run = Run(*works)
    for work in works[:2]:
        run.watcher.finished(work, [record(work, work.nfe)], resumed=True)
    assert run.lines == [
        "[1/3] Euler, NFE 10: a distance 3 ± 0.5 (done before)",
        "[2/3] Euler, NFE 20: 3 ± 0.5 (done before)",
    ]


def test_a_log_hears_of_a_long_cell_every_half_minute():
    work = job("Euler", 10)
    run = Run(work)
    run.watcher.begin(work)
    run.now += 29
    run.watcher.beat()
    assert not run.lines
    run.watcher.sampled(25, 250)
    run.now += 2
    for _ in range(5):
        run.watcher.beat()
    assert run.lines == ["… 31 s so far, at Euler: 25 of 100 samples; at least 85 s left"]
    run.now += 31
    run.watcher.beat()
    assert len(run.lines) == 2


def test_pictures_are_offered_after_what_was_measured_here():
    works = [job("Euler", 10), job("Heun", 11), job("Heun", 23), job("Heun", 35)]
    offered = []
    run = Run(*works, draw=lambda last: offered.append(last) or 60.0)
    run.watcher.finished(works[0], [record(works[0], 10)], resumed=True)
    run.does(works[1])
    run.watcher.failed(works[2], "told")
    run.does(works[3])
    assert offered == [False, False, True]
    assert run.watcher.left == "about 60 s left"  # the last picture


class Pictures:
    """A run's pictures, of which each costs a second."""

    def __init__(self, tmp_path, fault=None):
        self.now, self.drawn, self.fault, self.file = 0.0, [], fault, io.StringIO()
        console = Console(file=self.file, force_terminal=False, width=200)
        self.drawing = Drawing(tmp_path, console, self._draw, clock=lambda: self.now)

    def _draw(self, folder, live):
        self.drawn.append((self.now, live))
        self.now += 1.0
        if self.fault is not None:
            raise self.fault
        return folder / "a report" / "index.html"

    def after(self, seconds, label_done):
        self.now += seconds
        return self.drawing.offer(label_done)


def test_a_picture_is_drawn_after_each_label_if_that_costs_little(tmp_path):
    run = Pictures(tmp_path)
    assert run.after(10, False) == 0.0 and not run.drawn
    assert run.after(10, True) == 1.0 and run.drawn == [(20, True)]
    run.after(10, True)  # a tenth of the time since
    assert len(run.drawn) == 1
    run.after(15, False)  # what was not drawn then is now
    assert len(run.drawn) == 2
    run.after(30, False)
    assert len(run.drawn) == 2
    run.after(31, False)
    assert len(run.drawn) == 3
    run.drawing.last()
    assert run.drawn[-1][1] is False
    first, told, last = run.file.getvalue().splitlines()
    assert told == "drawing what is done; Ctrl-C again leaves at once"
    assert [line.partition(": ")[2] for line in (first, last)] == [
        (tmp_path / "a report" / "index.html").as_uri()
    ] * 2


@pytest.mark.parametrize("fault", [ValueError("two\nlines"), SystemExit(3), MemoryError("full")])
def test_a_picture_that_cannot_be_drawn_hurts_no_run(tmp_path, fault, capsys):
    run = Pictures(tmp_path, fault)
    for _ in range(3):
        run.after(100, True)
    run.drawing.last()
    assert len(run.drawn) == 4 and "report" not in run.file.getvalue()
    assert capsys.readouterr().err.count("no report yet") == 1


def test_nothing_is_drawn_of_an_interrupted_run_without_a_cell(tmp_path):
    run = Pictures(tmp_path)
    run.drawing.last()
    assert not run.drawn
