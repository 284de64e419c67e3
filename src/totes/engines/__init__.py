"""The engines that Totes works with: so far, connections to PostgreSQL."""
