"""PCEE-BERT: stop when P exits in a row are confident (methods 5.2; Findings of NAACL 2022).

Layers and exits are PABEE's, trained as PABEE trains them, so this method reads PABEE's traces
under a rule of its own. The threshold is tuned with the patience P. No torch.
"""

from smartbert.methods.contract import Method

PATIENCE = 2  # of the one script that the authors published


class PceeBert(Method):
    """PABEE's model, left where normalised entropy stays below a threshold for P layers."""

    criterion = "confident_patience"
    sweep = tuple((round(step / 18, 4), PATIENCE) for step in range(1, 10))
