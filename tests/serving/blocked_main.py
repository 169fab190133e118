"""``python -m workbench.serving`` where nothing can be imported that its container does not hold."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

# An import of it fails, and whoever only asks hears that it is not there; in workers that this one starts, too.
sys.modules.update(dict.fromkeys(json.loads(Path(os.environ["BLOCKED_MODULES"]).read_text())))

from workbench.serving.__main__ import main  # noqa: E402

sys.exit(main())
