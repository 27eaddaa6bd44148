"""A pytest plugin that swaps one module for a mutant, without touching a file: `SEAWAY_MUTANT=module:number`.

A number is that of a mutant, `defence-<number>` a row of `defences.json`.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path
from types import CodeType

import hypothesis
from hypothesis import Phase

from tests.mutation.defences import without
from tests.mutation.mutants import mutants


class MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from its mutated tree instead of its file."""

    def get_code(self, fullname: str) -> CodeType:  # the loader's signature
        """Compiles the mutant that the environment names."""
        which = os.environ["SEAWAY_MUTANT"].split(":")[1]
        source = Path(self.path).read_text()
        if which.startswith("defence-"):
            return compile(without(source, int(which.removeprefix("defence-"))), self.path, "exec")
        return compile(mutants(source)[int(which)].tree(source), self.path, "exec")


class MutantFinder(importlib.abc.MetaPathFinder):
    """Finds the one module to mutate before anything else does."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Returns a spec with the mutant's loader for that module, and nothing for all others."""
        if fullname != os.environ["SEAWAY_MUTANT"].split(":")[0]:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)  # type: ignore[arg-type]
        assert found is not None and found.origin is not None
        loader = MutantLoader(fullname, found.origin)
        return importlib.util.spec_from_file_location(fullname, found.origin, loader=loader)


# One counterexample is enough: looking for the smallest costs more than finding it.
hypothesis.settings.register_profile("mutation", phases=(Phase.explicit, Phase.generate), database=None)
hypothesis.settings.load_profile("mutation")
if "SEAWAY_MUTANT" in os.environ:
    sys.meta_path.insert(0, MutantFinder())
