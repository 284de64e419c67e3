"""What Totes costs, measured; one script for each question. Run them with `python -m`."""
