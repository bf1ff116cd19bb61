"""The name under which published cards and users' files ask for the model; it lives in `model`."""

from smartbert.model.configuration import adaptive_config
from smartbert.model.modeling import AdaptiveBert

__all__ = ["AdaptiveBert", "adaptive_config"]
