"""What was made before a process serves, or brings files in, stays as long as it, and is not looked through again.

Modules, schemas, routes and templates are some hundred thousand objects.  The collector of garbage went through all of
them now and then, for 75 to 115 ms in which nobody was answered; what comes and goes meanwhile is a small part of it.
"""

from __future__ import annotations

from gc import collect, freeze


def keep_what_stands() -> None:
    """Throw away what is garbage by now, and let the collector pass over what is left."""
    collect()
    freeze()
