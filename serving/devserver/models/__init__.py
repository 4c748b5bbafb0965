"""Which versions of which models are there, and the change from one to the next."""
