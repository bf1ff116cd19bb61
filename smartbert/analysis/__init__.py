"""Analysis: numbers with intervals, from what runs left behind. No model runs here, no torch.

`evaluation` joins a method's traces with the settings that tuning chose, and gives its scores and
costs on test; `sweep` does so for the settings of its own publication, `usage` says what layers,
exits and gates did. `comparison` takes the evaluations of all methods of a task and measures each
in every draw: `nested` chooses its points and curve again on resampled tune examples, `line` reads
the curve by straight lines, `statistics` makes the interval. `comparison_tables` and `ablation` lay
out what it found; `choosing` sets rules of choosing side by side. From there on only tables are
read: `tables` joins those of all runs and tasks, `evidence` holds what the claims are read from,
and `claims` measures each claim by it. What people look at is made of these tables in the package
`report`.
"""
