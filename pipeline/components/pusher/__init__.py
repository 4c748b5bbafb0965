"""Pusher: copies a blessed model to the folder that the server watches."""
