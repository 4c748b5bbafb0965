"""Lets a blessed model learn from every event before it goes out."""
