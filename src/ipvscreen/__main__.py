"""`python -m ipvscreen`."""

from ipvscreen.cli import main

main()
