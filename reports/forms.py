"""What figures and report formats may be in a file of one's own, or in another package."""

from sampler_bench.kit.forms import Forms

WITH_SAMPLES = "a function that looks at samples, too,"
FIGURE = Forms(
    row="sampler_bench.reports.own:figure",
    functions={"a function": ("records",), WITH_SAMPLES: ("records", "samples")},
    keywords=False,
)
OF_REPORT, OF_TABLE = "a function", "a function of one table"
FORMAT = Forms(
    row="sampler_bench.reports.own:report_format",
    functions={OF_REPORT: ("report",), OF_TABLE: ("table",)},
    keywords=False,
)
