"""Gates off: a trained SmartBERT run without its gates, exits alone, an ablation.

Nothing is trained: layers and exits are SmartBERT's, which saw gates while they trained.
Exit-only, by contrast, never had any. Where nothing is skipped, gates change nothing of what layers
and exits say, so this method reads SmartBERT's trace, less its gates. No torch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smartbert.methods.contract import Method

if TYPE_CHECKING:
    from smartbert.trace.schema import TraceMeta


class GatesOff(Method):
    """SmartBERT's layers and exits, no gate run."""

    def read(self, meta: TraceMeta) -> TraceMeta:
        """Return the trace's own word, less the gates."""
        sizes = replace(meta.architecture, gates=False)
        return replace(meta, architecture=sizes, skip_threshold=None)
