from __future__ import annotations

import sys
from pathlib import Path

# Modules of this folder and the server of the integration tests.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "integration")]
