"""Jobs that start from one process with the packages loaded: `resources.preload` in the config.

Loading torch and transformers takes longer than a small model's training. Where that counts, the
call of Snakemake starts a `server`, which loads them once and is copied (forked) for each job; the
shell hands a job's command to `client`, which passes it on with its folder, its environment and its
output, and ends as the copy does. A command that the server cannot take, and every command where
there is no server, runs as it stands: a job does the same either way. What Snakemake measures of
memory and processor time is then the client's.
"""
