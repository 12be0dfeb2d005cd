"""What a run's folder keeps of its plan."""

from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.planning import Plan
from sampler_bench.kit.canonical import faithful
from sampler_bench.results.schema import Line, PlanFile, Rung, SkippedLine


def plan_file(plan: Plan, batch: int, before: PlanFile | None = None) -> PlanFile:
    """Return what ``plan.json`` holds of a plan.

    Args:
        plan: The plan.
        batch: Most samples of shards that are measured together.
        before: What the folder holds already, of a search whose rungs are planned one by one.
    """
    lines = [line for work in plan.lines for line in _lines(work, plan.rung)]
    if before is not None:
        lines = [*before.lines, *(line for line in lines if line not in before.lines)]
    return PlanFile(
        lines=lines,
        skipped=[
            SkippedLine(entry=one.entry, combination=one.combination, reason=one.reason)
            for one in plan.skipped
        ],
        remarks=list(dict.fromkeys([*(before.remarks if before else ()), *plan.remarks])),
        files=plan.files,
        grid_folder=plan.folder,
        batch=batch,
    )


def _lines(work: Work, rung: Rung | None) -> list[Line]:
    return [
        Line(
            label=work.label,
            model=work.name,
            key=cell.key,
            work_key=cell.work_key,
            settings=faithful(work.settings),
            samples=cell.samples,
            shards=cell.shards,
            nfe=work.nfe,
            nfe_asked=list(work.asked),
            rung=rung,
        )
        for cell in work.cells
    ]
