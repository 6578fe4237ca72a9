"""`python -m facepipe`: the same as the command `facepipe`."""

from facepipe.cli import main

raise SystemExit(main())
