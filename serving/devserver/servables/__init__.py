"""One version of a model: loaded, warmed up, and what it answers to each kind of request."""
