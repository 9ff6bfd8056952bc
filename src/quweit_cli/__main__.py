"""`quweit`, and `python -m quweit_cli`: interrupts are seen to before anything slow is imported."""

from quweit_cli import interrupts


def main() -> None:
    interrupts.install()
    from quweit_cli.cli import app

    app(prog_name="quweit")


if __name__ == "__main__":
    main()
