"""SmartBERT and the adaptive-depth methods it is compared with, on one model, one trace format and
one protocol.

Importing this package is cheap: nothing here imports torch. Modules that need torch are
`heads`, `modeling`, `losses`, `training` and `recording`; all others work on NumPy arrays.
"""

__version__ = "0.1.0"
