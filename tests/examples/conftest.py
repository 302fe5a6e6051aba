from __future__ import annotations

import sys
from pathlib import Path

# Modules of this folder, the server of the integration tests, and the Postfix of the examples.
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration"), str(HERE.parents[1] / "examples" / "python")]
