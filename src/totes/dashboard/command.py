"""The command, thin."""

from __future__ import annotations

from pathlib import Path

import click


@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8501,
    show_default=True,
    help="The port to listen at.",
)
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen at; any but this lets other machines in, without a password.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("totes-demo"),
    show_default=True,
    help="The demo whose warehouse is shown where TOTES_WAREHOUSE is not set.",
)
def dashboard(*, port: int, address: str, folder: Path, as_json: bool) -> bool:
    """Show the warehouse in a browser: sales, purchases, payments, histories, the pipeline."""
    from totes.dashboard import serving

    serving.serve(folder, address=address, port=port, as_json=as_json)
    return True
