"""A sheet of samples: where each picture is, and how it stands."""

import numpy as np
import pytest
import torch
from PIL import Image

from sampler_bench.bench.commands import sheet


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_lie_in_rows_upright(tmp_path, monkeypatch, channels):
    number = torch.arange(50.0)[:, None, None, None]
    pictures = ((number - 25) / 50).expand(50, channels, 6, 4).clone()
    pictures[:, :, 0, 3] = 1.0  # the corner at the top on the right
    pictures[:, -1, 5, 0] = -1.0  # at the bottom on the left, in the last channel
    monkeypatch.setattr(sheet, "samples", lambda model: pictures)
    sheet.write_sheet(None, tmp_path / "sheet.png")
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    pixels = np.asarray(Image.open(tmp_path / "sheet.png")).reshape(60, 80, channels)
    assert pixels.shape == (5 * 6 * 2, 10 * 4 * 2, channels)
    for k in range(50):
        top, left = k // 10 * 12, k % 10 * 8
        block = pixels[top : top + 12, left : left + 8]
        assert (block[0:2, 6:8] == 255).all()
        assert (block[10:12, 0:2, -1] == 0).all()
        assert (block[4:8, 2:6] == int((k - 25) / 50 * 127.5 + 128)).all()
