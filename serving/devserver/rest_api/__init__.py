"""The server over REST: TF Serving's routes and its JSON."""
