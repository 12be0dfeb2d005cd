"""The one place that imports torch-fidelity: late, because importing it is slow and can fail."""

import importlib
from types import ModuleType


def require(module: str) -> ModuleType:
    """The module ``torch_fidelity.<module>``.

    Raises ValueError if torch-fidelity cannot be imported, which is most often a torchvision of
    another release or build than torch.
    """
    try:
        return importlib.import_module(f"torch_fidelity.{module}")
    except (ImportError, RuntimeError, AttributeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"torch-fidelity cannot be imported ({reason}); install torch and torchvision of "
            "matching releases and the same build (both CPU or both CUDA)"
        ) from error
