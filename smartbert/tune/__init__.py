"""Tuning: thresholds chosen on tune traces.

`member` is a training's trace made ready for many replays, `space` what can be set of a method, and
`study` Optuna's search in it. `rules` says how one of many settings is chosen without the winner's
curse, and `choice` takes the protocol's operating points and curve by them: on tune as it is, or on
resampled tune examples. Only `space` and `study` need Optuna; nothing needs torch.
"""
