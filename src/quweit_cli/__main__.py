"""`python -m quweit_cli` is `quweit`."""

from quweit_cli.cli import main

if __name__ == "__main__":
    main()
