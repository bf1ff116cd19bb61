"""Analysis: numbers with intervals, from what runs left behind. No model runs here, no torch.

`evaluation` joins a method's test traces with the settings that tuning chose, and gives its scores
and costs; `sweep` does so for the settings of its own publication, `usage` says what layers, exits
and gates did. `comparison` takes the evaluations of all methods of a task, draws the bootstrap of
`statistics` once for all of them, and measures each; `comparison_tables` and `ablation` lay out
what it found. From there on only tables are read: `tables` joins those of all runs and tasks,
`evidence` holds what the claims are read from, and `claims` measures each claim by it. What people
look at is made of these tables in the package `report`.
"""
