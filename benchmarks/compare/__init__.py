"""What Totes costs beside bare COPY and beside dlt, on the same rows; see benchmarks/README.md."""
