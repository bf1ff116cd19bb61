"""Scripts: one for each rule, and those that a person calls.

In the order of a run: `backbone` and `task_data` fetch; `train`, `record` and `read` make traces;
`tune` and `evaluate` choose and score; `compare`, `ablate`, `tables`, `figures` and `claims`
compile, `partial` what did finish when a job failed, `task` one task alone. On demand: `publish`,
`latency`, `latency_tables`, `notebook`. By hand: `estimate` (how long a run takes), `resources`
(what its jobs took), `reference` (keep a run's numbers, go on from them, compare),
`bundle` (train what is missing on a machine that is lent for minutes).
"""
