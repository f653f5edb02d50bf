"""Run the command without its script: `python -m segment_identity`."""

from segment_identity.cli.main import main

if __name__ == "__main__":
    main()
