"""A cell: one program in an image's own root filesystem, its log writer and the record of its end.

Started as a package of its own, `cell`, by `python -I -S -c …` (`launch.py`): standard library and relative imports
only, so that any host Python starts it in a tenth of a second without the rest of Seaway. A spec without `argv`
walks the whole sequence and executes nothing: that is the probe.

Rules
- It holds the lock of its directory for life, so two runs of one replica cannot overlap, whoever starts them.
- It outlives the supervisor; SIGTERM to the cell stops the program by the image's signal, then SIGKILL after grace.
- Killing the cell kills the program: the program dies with its parent, and a pipe closes the race before that.
- `run.json` and `end.json` appear by rename: read whole or not at all. A log that cannot be written is dropped,
  counted and never stops the program.

Not here: which program, where and how often (`targets/process`).
"""
