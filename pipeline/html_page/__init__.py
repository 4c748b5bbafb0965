"""What the pages for people have in common: how they look, and how they are written."""
