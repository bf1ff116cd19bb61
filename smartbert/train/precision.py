"""Precision of training: bf16 mixed precision, on any hardware, or float32."""

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch.utils._python_dispatch import TorchDispatchMode

PRECISIONS = ("auto", "bf16", "fp32")


def has_bf16() -> bool:
    """Return whether the hardware that trains computes in bf16."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, lambda: False)() for check in checks)


def effective(precision: str) -> str:
    """Return the precision that a setting means here, one of PRECISIONS: "auto" is bf16 where the
    hardware computes in it, float32 elsewhere.
    """
    if precision != "auto":
        return precision
    return "bf16" if has_bf16() else "fp32"


def products(precision: str) -> AbstractContextManager[object]:
    """Return the context in which a training computes: that of `Float32Products` where it is to be
    in bf16 and the hardware is not.
    """
    rounded = effective(precision) == "bf16" and not has_bf16()
    return Float32Products() if rounded else nullcontext()


class Float32Products(TorchDispatchMode):
    """Compute matrix products of bf16 tensors in float32 and round the result, as hardware with
    bf16 does.

    A product of two bf16 numbers is exact in float32, and that hardware sums in float32, too: only
    the order of the sum differs. So a run that was begun on such hardware goes on elsewhere with
    the same arithmetic, at a little less than the speed of float32. (With the library's own kernels
    for processors without bf16 a step takes three times as long as in float32.)
    """

    OPERATIONS = tuple(
        getattr(torch.ops.aten, name).default for name in ("mm", "addmm", "bmm", "baddbmm")
    )

    def __torch_dispatch__(
        self,
        func: Callable[..., torch.Tensor],
        types: tuple[type, ...],
        args: tuple = (),
        kwargs: dict[str, object] | None = None,
    ) -> torch.Tensor:
        """Run an operation."""
        kwargs = kwargs or {}
        if func not in self.OPERATIONS or args[0].dtype != torch.bfloat16:
            return func(*args, **kwargs)
        wide = [a.float() if isinstance(a, torch.Tensor) else a for a in args]
        return func(*wide, **kwargs).to(torch.bfloat16)


def hardware() -> str:
    """Return the accelerator's name, or the processor's instruction set; with bf16 if it computes
    in it, which the set's name does not say.
    """
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    bf16 = " bf16" if has_bf16() else ""
    return f"cpu {platform.machine()} {torch.backends.cpu.get_cpu_capability()}{bf16}"
