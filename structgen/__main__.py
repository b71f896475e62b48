"""`python -m structgen` is `structgen`."""

from structgen.cli import main

main()
