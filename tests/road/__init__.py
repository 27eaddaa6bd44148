"""The whole road, walked with real commands and broken with real faults: nothing lost, nothing wrong."""
