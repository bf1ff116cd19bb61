"""Data: from a hub, a folder or the generator to the fit, tune and test splits of a task.

`settings` is the config's word on a task's data. `folders` finds a local folder's files, by its
`cards` or by their names, as `layouts`; `files` reads them, `labels` makes class ids of what they
hold, `sources` checks raw splits, `splits` cuts fit and tune from train, `preparation` tokenises
the three splits once, and `columns` reads them back. `backbones` writes a pre-trained model to one
plain folder. No torch here, except where `backbones` loads weights.
"""
