"""Key lists of the original releases' networks, written down from their descriptions."""

from collections.abc import Sequence

Shapes = dict[str, list[int]]


class _Song:
    """score_sde's NCSN++ and DDPM++: a flat list of modules, ``all_modules.0``, ``.1``, …"""

    def __init__(self) -> None:
        self.keys: Shapes = {}
        self.index = 0

    def add(self, shapes: Shapes) -> None:
        """Add a module; one without weights takes its number all the same."""
        for name, shape in shapes.items():
            self.keys[f"module.all_modules.{self.index}.{name}"] = shape
        self.index += 1

    def block(self, cin: int, cout: int, embedding: int, resamples: bool = False) -> None:
        shapes = {
            "GroupNorm_0.weight": [cin],
            "GroupNorm_0.bias": [cin],
            "Conv_0.weight": [cout, cin, 3, 3],
            "Conv_0.bias": [cout],
            "Dense_0.weight": [cout, embedding],
            "Dense_0.bias": [cout],
            "GroupNorm_1.weight": [cout],
            "GroupNorm_1.bias": [cout],
            "Conv_1.weight": [cout, cout, 3, 3],
            "Conv_1.bias": [cout],
        }
        if resamples or cin != cout:
            shapes |= {"Conv_2.weight": [cout, cin, 1, 1], "Conv_2.bias": [cout]}
        self.add(shapes)

    def attention(self, c: int) -> None:
        shapes = {"GroupNorm_0.weight": [c], "GroupNorm_0.bias": [c]}
        for part in range(4):
            shapes |= {f"NIN_{part}.W": [c, c], f"NIN_{part}.b": [c]}
        self.add(shapes)

    def conv(self, cin: int, cout: int, name: str = "", kernel: int = 3) -> None:
        self.add({f"{name}weight": [cout, cin, kernel, kernel], f"{name}bias": [cout]})

    def output(self, cin: int, cout: int) -> None:
        self.add({"weight": [cin], "bias": [cin]})
        self.conv(cin, cout)


def song(  # noqa: C901
    nf: int = 128,
    mult: Sequence[int] = (1, 2, 2, 2),
    blocks: int = 4,
    attention: Sequence[int] = (1,),
    fourier: bool = False,
    pyramid: str = "none",
) -> Shapes:
    """Return names and shapes in order; ``pyramid`` is "none", "residual" or "skip" (both ends)."""
    net = _Song()
    net.keys["module.sigmas"] = [1000]
    if fourier:
        net.add({"W": [nf]})
    noise, emb, last = nf * (1 + fourier), 4 * nf, len(mult) - 1
    net.add({"weight": [emb, noise], "bias": [emb]})
    net.add({"weight": [emb, emb], "bias": [emb]})
    net.conv(3, nf)
    c, skips, pyramid_c = nf, [nf], 3
    for level, m in enumerate(mult):
        for _ in range(blocks):
            net.block(c, nf * m, emb)
            c = nf * m
            if level in attention:
                net.attention(c)
            skips.append(c)
        if level < last:
            net.block(c, c, emb, resamples=True)
            if pyramid == "residual":
                net.conv(pyramid_c, c, "Conv2d_0.")
                pyramid_c = c
            if pyramid == "skip":
                net.add({})
                net.conv(3, c, "Conv.", kernel=1)
            skips.append(c)
    net.block(c, c, emb)
    net.attention(c)
    net.block(c, c, emb)
    for level in range(last, -1, -1):
        for _ in range(blocks + 1):
            net.block(c + skips.pop(), nf * mult[level], emb)
            c = nf * mult[level]
        if level in attention:
            net.attention(c)
        if pyramid == "skip":
            if level < last:
                net.add({})
            net.output(c, 3)
        if level:
            net.block(c, c, emb, resamples=True)
    if pyramid != "skip":
        net.output(c, 3)
    return net.keys


class _Guided:
    """guided-diffusion's and improved-diffusion's U-Net, without a list of its own."""

    def __init__(self, embedding: int) -> None:
        self.keys: Shapes = {}
        self.embedding = embedding

    def layer(self, name: str, *shape: int) -> None:
        self.keys |= {f"{name}.weight": list(shape), f"{name}.bias": [shape[0]]}

    def block(self, name: str, cin: int, cout: int) -> None:
        self.layer(f"{name}.in_layers.0", cin)
        self.layer(f"{name}.in_layers.2", cout, cin, 3, 3)
        self.layer(f"{name}.emb_layers.1", 2 * cout, self.embedding)
        self.layer(f"{name}.out_layers.0", cout)
        self.layer(f"{name}.out_layers.3", cout, cout, 3, 3)
        if cin != cout:
            self.layer(f"{name}.skip_connection", cout, cin, 1, 1)

    def attention(self, name: str, c: int) -> None:
        self.layer(f"{name}.norm", c)
        self.layer(f"{name}.qkv", 3 * c, c, 1)
        self.layer(f"{name}.proj_out", c, c, 1)


def guided(
    channels: int = 192,
    mult: Sequence[int] = (1, 2, 3, 4),
    blocks: int = 3,
    attention: Sequence[int] = (1, 2, 3),
    classes: int = 1000,
    updown: bool = True,
    out: int = 6,
) -> Shapes:
    """Return names and shapes in order; the defaults are the released ImageNet 64×64 ADM's."""
    net = _Guided(4 * channels)
    net.layer("time_embed.0", 4 * channels, channels)
    net.layer("time_embed.2", 4 * channels, 4 * channels)
    if classes:
        net.keys["label_emb.weight"] = [classes, 4 * channels]
    c = channels * mult[0]
    net.layer("input_blocks.0.0", c, 3, 3, 3)
    skips, index = [c], 0
    for level, m in enumerate(mult):
        for _ in range(blocks):
            index += 1
            net.block(f"input_blocks.{index}.0", c, channels * m)
            c = channels * m
            if level in attention:
                net.attention(f"input_blocks.{index}.1", c)
            skips.append(c)
        if level < len(mult) - 1:
            index += 1
            if updown:
                net.block(f"input_blocks.{index}.0", c, c)
            else:
                net.layer(f"input_blocks.{index}.0.op", c, c, 3, 3)
            skips.append(c)
    net.block("middle_block.0", c, c)
    net.attention("middle_block.1", c)
    net.block("middle_block.2", c, c)
    _guided_decoder(net, channels, mult, blocks, attention, updown, skips)
    net.layer("out.0", channels * mult[0])
    net.layer("out.2", out, channels * mult[0], 3, 3)
    return net.keys


def _guided_decoder(net, channels, mult, blocks, attention, updown, skips) -> None:
    c, index = skips[-1], -1
    for level in range(len(mult) - 1, -1, -1):
        for block in range(blocks + 1):
            index += 1
            net.block(f"output_blocks.{index}.0", c + skips.pop(), channels * mult[level])
            c, place = channels * mult[level], 1
            if level in attention:
                net.attention(f"output_blocks.{index}.{place}", c)
                place = 2
            if level and block == blocks:
                if updown:
                    net.block(f"output_blocks.{index}.{place}", c, c)
                else:
                    net.layer(f"output_blocks.{index}.{place}.conv", c, c, 3, 3)
