"""`python -m tokenward.app.cli`: the command line where no script is installed."""

from tokenward.app.cli import main

main()
