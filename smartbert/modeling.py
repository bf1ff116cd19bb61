"""The name under which published cards and users' files ask for the model; it lives in `model`.

Importing it makes the model and its tokenizer known to transformers.
"""

from smartbert.model.configuration import adaptive_config
from smartbert.model.modeling import AdaptiveBert
from smartbert.model.tokenizer import CuttingTokenizer

__all__ = ["AdaptiveBert", "CuttingTokenizer", "adaptive_config"]
