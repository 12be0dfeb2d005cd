"""What an extractor may be in a file of one's own, or in another package."""

from sampler_bench.kit.forms import Forms

OF_IMAGES, MAKER = "a function", "a maker of an Extractor"
EXTRACTOR = Forms(
    row="sampler_bench.bench.features.own:extractor",
    functions={OF_IMAGES: ("images",), MAKER: ("device", "weights")},
    keywords=False,
)
