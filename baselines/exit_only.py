"""Exit-only: SmartBERT with its gates off in training and inference, a control (methods 2.7).

It continues a dense BERT that has SmartBERT's final head, and trains SmartBERT's exits on it.
"""

from smartbert.methods.smartbert import SmartBert


class ExitOnly(SmartBert):
    """SmartBERT's exits and second stage, no gates."""

    gates = None
    gating = "off"
