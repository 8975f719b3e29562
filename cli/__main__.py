"""`python -m cli` is `clipferry`."""

from cli.app import main

main()
