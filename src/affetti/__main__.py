"""``python -m affetti`` is ``affetti``."""

import sys

from affetti.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
