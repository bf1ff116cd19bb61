"""The workflow: what turns a config into results, around the library.

`settings` says what the config means, `rules` which job makes which files, `scripts` holds what a
job runs: each takes files and plain values, calls the library, and writes files. `code` gives
digests of the code that a job depends on, `preload` lets small jobs start with their packages
loaded, `progress` says how long a call still takes, `notebooks` holds the templates of the result
notebooks.
"""
