"""Transform: maps raw item ids to integers."""
