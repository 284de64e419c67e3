"""Totes keeps three things true of an operational PostgreSQL database.

An ingestion lake that archives every row version it saw, a processed lake that holds the same
history as star schemas, and a warehouse in PostgreSQL. The command line is `totes.cli`; the story
in code is `totes.pipeline`.
"""

__version__ = "0.1.0"
