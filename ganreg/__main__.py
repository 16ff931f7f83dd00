"""`python -m ganreg` is the command `ganreg`."""

import sys

from ganreg.cli import main

sys.exit(main())
