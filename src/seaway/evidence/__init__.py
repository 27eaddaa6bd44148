"""WHAT WE CAN PROVE: names and digests become signed statements in a ledger that stock tools can check.

The door is `notary.py`. What can be said is in `deeds.py` and `progress.py`, who may say it in `roles.py` and
`people.py`, how it is kept in `files.py`, what counts in `verify.py`. Nothing here knows an app.
"""
