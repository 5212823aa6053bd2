"""Lets the tests here find `leaks/`, which `soak.py` runs without pytest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
