"""What holds for the tests of training."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Networks as small as here gain nothing from threads, and lose all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
