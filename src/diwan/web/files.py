"""Static files, each under the digest of all of them: whoever holds an address may keep what it answers for ever."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from diwan.release.tlp import COLOURS

_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


class File(msgspec.Struct, frozen=True):
    """One file as it is served."""

    data: bytes
    media_type: str


class Files:
    """What browsers fetch beside pages: our own `static/`, and `assets/`, which installing brings."""

    def __init__(self) -> None:
        """Read everything once; it is a few megabytes and never changes while the node runs."""
        web = Path(str(files("diwan.web")))
        self._files: Final = {**_read(web / "assets"), **_read(web / "static")}
        css = self._files["diwan.css"]
        self._files["diwan.css"] = msgspec.structs.replace(css, data=css.data + _tlp_rules().encode())
        digest = sha256()
        for name, file in sorted(self._files.items()):
            digest.update(f"{name}\0{len(file.data)}\0".encode() + file.data)
        self.digest: Final = digest.hexdigest()[:16]

    def address(self, name: str) -> str:
        """Return where a file is served.

        Raises:
            KeyError: there is no such file; a template names one that was not shipped.
        """
        self._files[name]
        return f"/static/{self.digest}/{name}"

    def get(self, digest: str, name: str) -> File | None:
        """Return the file of an address, or None."""
        return self._files.get(name) if digest == self.digest else None


def _read(folder: Path) -> dict[str, File]:
    return {
        path.relative_to(folder).as_posix(): File(path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES
    }


def tlp_class(token: str) -> str:
    """Return the class of a TLP token's colour: `tlp-amber-strict`."""
    return token.lower().replace(":", "-").replace("+", "-")


def _tlp_rules() -> str:
    # The colours are FIRST's and stand in one place; a style attribute would need a weaker content policy.
    return "".join(f".{tlp_class(token)}{{color:{colour}}}\n" for token, colour in COLOURS.items())
