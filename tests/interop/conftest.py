"""Lets the tests here import what they share: pytest's importlib mode puts no folder on the path."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
