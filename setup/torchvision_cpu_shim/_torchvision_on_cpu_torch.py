"""Lets a torchvision built for CUDA be imported beside a PyTorch built for the CPU.

Such a torchvision cannot load its compiled operators, yet registers fake kernels for two of them without
asking whether they exist: `import torchvision` ends in "operator torchvision::nms does not exist". timm
imports torchvision for its image transforms only, so it is enough that the two operators are declared.
Calling them still fails, because there is no kernel.

`_torchvision_on_cpu_torch.pth` imports this module when the interpreter starts. It does nothing then but put
a finder on `sys.meta_path`; PyTorch is not touched before somebody imports torchvision. The operators are
declared after torchvision has tried its own compiled library, and only those which that library did not
bring, so a torchvision that works by itself is left as it is.
"""

from __future__ import annotations

import sys

_SCHEMAS = {
    "torchvision::nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "torchvision::qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_FIRST_USER_OF_THE_OPERATORS = "torchvision._meta_registrations"

# A torch.library.Library takes its declarations with it when it is collected.
_declarations = []


def _declare_missing_operators():
    import torch
    import torchvision.extension  # noqa: F401  (loads the compiled operators where it can)

    for name, schema in _SCHEMAS.items():
        try:
            torch._C._dispatch_has_kernel_for_dispatch_key(name, "Meta")
        except RuntimeError:
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(schema)
            _declarations.append(library)


class _DeclareBeforeTorchvision:
    """A finder that finds nothing: it acts when torchvision comes to the module that needs the operators."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if fullname == _FIRST_USER_OF_THE_OPERATORS and not _declarations:
            try:
                _declare_missing_operators()
            except Exception as error:  # torchvision's own import then says what is wrong
                print(f"torchvision's operators could not be declared: {error}", file=sys.stderr)
        return None


if not any(finder is _DeclareBeforeTorchvision for finder in sys.meta_path):
    sys.meta_path.insert(0, _DeclareBeforeTorchvision)
