"""What was made before anything is served stays as long as the process, and is not looked through for garbage again.

Modules, schemas, routes and templates are some hundred thousand objects.  The collector went through all of them now
and then, for 75 to 115 ms in which nobody was answered; what comes and goes while serving is a small part of it.
"""

from __future__ import annotations

from gc import collect, freeze


def keep_what_stands() -> None:
    """Throw away what is garbage by now, and let the collector pass over what is left."""
    collect()
    freeze()
