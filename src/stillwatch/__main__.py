"""`python -m stillwatch` is the command `stillwatch`."""

from stillwatch.cli import main

if __name__ == "__main__":
    main()
