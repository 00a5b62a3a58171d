"""The delivery history that tests read: made up, as dirty as real ones; or a real file, named by SYNCLINE_HISTORY."""

import os
from pathlib import Path

HISTORY = Path(os.environ.get("SYNCLINE_HISTORY") or Path(__file__).parent / "fixtures" / "deliveries.csv")
