"""TerrificTotes in a box: an embedded PostgreSQL and a company that trades."""
