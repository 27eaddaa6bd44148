"""What every predicate of ours can do: become a statement, and be read from one."""

from __future__ import annotations

from typing import ClassVar, Self, cast

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.shape import read, write
from seaway.evidence.statement import PredicateType, Statement


class Predicate:
    """The base of the frozen values in `deeds.py`, `progress.py` and `enrolment.py`; each is its own schema."""

    __slots__ = ()
    TYPE: ClassVar[PredicateType]
    OPEN: ClassVar[bool] = False
    SPEAKER: ClassVar[str] = ""  # the field that names who must have signed, where one does

    @property
    def speaker(self) -> str:
        """The person in whose name this is said, empty where it is in nobody's."""
        return str(getattr(self, self.SPEAKER)) if self.SPEAKER else ""

    def about(self, subject: Digest) -> Statement:
        """Makes the statement that says this about a digest; raises EvidenceInvalid if its parts contradict."""
        self.check()
        self.check_subject(subject)
        return Statement.about(subject, self.TYPE, cast(dict[str, object], write(self)))

    @classmethod
    def of(cls, statement: Statement) -> Self:
        """Reads the predicate of a statement of this type, strictly; raises EvidenceInvalid."""
        if statement.predicate_type != cls.TYPE:
            raise EvidenceInvalid(f"not a {cls.__name__}", where=statement.predicate_type)
        value = read(cls, statement.predicate)
        value.check()
        value.check_subject(statement.subject)
        return value

    def check(self) -> None:
        """Raises EvidenceInvalid if the parts contradict each other; most cannot."""

    def check_subject(self, subject: Digest) -> None:
        """Raises EvidenceInvalid if this cannot be said about the subject; most can be."""
