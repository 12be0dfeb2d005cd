"""What a model may be in a file of one's own, or in another package."""

from sampler_bench.kit.forms import Forms

FORMS = Forms(
    row="sampler_bench.models.own:maker",
    functions={"a function": ("device",)},
    methods=("__call__", "round_sigma"),
    others=("a denoiser", "a class of denoisers"),
    keywords=False,
    reserved=("ideal",),
)
