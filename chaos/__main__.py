"""python -m chaos: see `cli`."""

if __name__ == "__main__":
    # Account processes import the main module by another name: nothing heavy may be here.
    import sys

    from chaos.cli import main

    sys.exit(main())
