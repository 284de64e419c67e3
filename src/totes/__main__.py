"""`python -m totes` is `totes`."""

from totes.cli import main

main()
