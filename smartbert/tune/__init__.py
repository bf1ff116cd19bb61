"""Tuning: thresholds chosen on tune traces.

`member` is a training's trace made ready for many replays, `space` what can be set of a method,
`study` Optuna's search in it, and `choice` the protocol's operating points among what was tried.
Only `space` and `study` need Optuna; nothing needs torch.
"""
