"""python -m cygrad: the command cygrad."""

import sys

from .cli import main

sys.exit(main())
