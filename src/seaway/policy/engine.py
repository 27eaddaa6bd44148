"""CEL's engine and what reads its programs: imported where a rule is compiled, and by nothing that starts a command."""

import re2
from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

from seaway.policy import checked

__all__ = ["cel", "checked", "ext_optional", "ext_strings", "re2"]
