"""What can go wrong, said once: every refusal the house knows, with the rule that made it."""

from __future__ import annotations


class Refused(Exception):
    """Something was asked and not done; the text says what happened, by which rule, and what is now true."""


class Malformed(Refused):
    """The bytes are not what they claim to be."""


class Unlabelled(Refused):
    """The label is invalid, empty or undefined, so nobody could read the item; it was not entered."""


class NotAllowed(Refused):
    """The person, role or node may not do this."""


class Conflict(Refused):
    """The same originator already registered something else under this name, behind the same gate."""


class Duplicate(Conflict):
    """The same bytes are already registered by this originator under this name; nothing was added."""


class Unsettled(Refused):
    """The register was lost while something was being made durable; it may be written or not."""

    def __init__(self) -> None:
        """Say what is not known, and what to do."""
        super().__init__(
            "The connection to the register was lost while this was being made durable. It is written whole or not at"
            " all, and which of the two is not known here: look before you ask again."
        )


class Unreachable(Refused):
    """The register answers nobody just now: where several servers keep it, until another of them leads."""

    def __init__(self) -> None:
        """Say what is true and what to do; nothing about where the register is."""
        super().__init__("The register cannot be reached just now. Nothing was entered; ask again in a few seconds.")


class Crowded(Refused):
    """So many ask for the same at once that one more is not looked at."""


class Full(Refused):
    """The disk on which the register lies has no room."""

    def __init__(self) -> None:
        """Say what is true and when it ends."""
        super().__init__(
            "The disk that holds the register is full. Nothing was entered; what is registered can be read, and entries"
            " are taken again as soon as there is room."
        )


class Shut(Refused):
    """A node whose register was set back shows and takes nothing until it knows what was recalled since."""

    def __init__(self, since: str) -> None:
        """Say since when, and how it is opened again."""
        super().__init__(
            f"This node's register was set back, as to a backup, and is shut since {since}, until what was recalled"
            " and relabelled meanwhile is replayed from its journal: `diwan reopen --journal PATH`. Nothing was shown"
            " or done."
        )


class Unjournalled(Refused):
    """A change stands, and is not written down off the node."""

    def __init__(self, why: str) -> None:
        """Say what is true and what to do; nothing about where the journal is."""
        super().__init__(
            f"This was done and is true for everyone. But it could not be written into the node's journal ({why}), so a"
            " backup that is restored now would not know of it. Tell whoever runs the node: `diwan doctor` says what to"
            " mend, and what is missing is then written by itself."
        )


class NotFound(Refused):
    """Unknown, and not released to you, are the same answer, word for word."""

    def __init__(self) -> None:
        """Say it without naming what was asked for: the question must not colour the answer."""
        super().__init__("There is nothing here that is released to you under this reference.")


class BadCursor(Refused):
    """A cursor that this node did not give out, or gave out for another list."""

    def __init__(self) -> None:
        """Say what to do next; nothing about what the cursor held."""
        super().__init__("This cursor was not given out for this list. Start again without a cursor.")
