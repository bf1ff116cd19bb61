"""Functions of tensors captured once for each shape as CUDA graphs, and replayed: what a step costs
to launch, operation by operation, is then paid once.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

import torch
from torch import Tensor

Held: TypeAlias = dict[str, Tensor]


class Captured:
    """Functions captured by key; all of them share their memory, so that what one gives is to be
    read before the next one runs.
    """

    WARM_UPS = 2  # kernels are chosen and workspaces made before the capture

    def __init__(self) -> None:
        self.known: dict[Hashable, tuple[torch.cuda.CUDAGraph, Held, Held]] = {}
        self.pool: Any = None  # torch names no type of it

    def __call__(self, key: Hashable, function: Callable[[Held], Held], held: Held) -> Held:
        """Return the function's answer; it lies where the next call writes.

        Args:
            key: whatever decides shapes and operations.
        """
        if key not in self.known:
            self.known[key] = self._capture(function, held)
        graph, given, found = self.known[key]
        for name, value in held.items():
            given[name].copy_(value, non_blocking=True)
        graph.replay()
        return found

    def _capture(
        self, function: Callable[[Held], Held], held: Held
    ) -> tuple[torch.cuda.CUDAGraph, Held, Held]:
        given = {name: value.clone() for name, value in held.items()}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(self.WARM_UPS):
                function(given)
        torch.cuda.current_stream().wait_stream(side)
        if self.pool is None:
            self.pool = torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool):
            found = function(given)
        return graph, given, found
