"""One project on this machine: its folder, its stores and its ledger, opened together."""
