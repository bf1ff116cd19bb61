"""Report: what people look at, made of the tables of `analysis` and nothing else. No model runs
here, no torch.

`page` says what a page is made of, and each `*_page` module writes one kind: `table_pages` the main
tables, `ablation_page`, `claims_page`, `latency_page`, and `literature_page` ours beside what
`literature` has checked of the published figures. `latex` sets a page's tables. Figures take their
looks from the run's manifest by way of `style`, share axes, legends and captions by way of
`panels`, and are drawn in `curves`, `plots`, `heatmaps` and `ablation_plots`; `panels.save` writes
them. `writing` and `partial` make all of that from a run's files, for the workflow's scripts.
`notebook` is what notebooks read a run with; it alone needs IPython.
"""
