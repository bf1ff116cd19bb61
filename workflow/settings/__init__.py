"""Settings: what the config means, for rules, scripts and tests alike.

`entries` says what an entry under `methods` is and which trained models it needs, `plan` what a run
consists of, `options` turns a part of the config into a rule's words, `paths` writes out its `~`,
`schema` holds one against the keys and kinds of value that there are, and `validation` refuses one
that cannot work, in one line, before anything runs. Nothing here imports Snakemake or torch.
"""
