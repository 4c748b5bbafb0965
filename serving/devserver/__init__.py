"""A local server that answers as TF Serving does: `python -m serving.devserver`.

It is for demonstrations, for tests and to try a change. What only production needs (batching, TLS)
is TF Serving's.

From the leaves: `configuration` reads flags and files, `servables` holds one loaded version and
what it answers, `models` decides which versions those are, `grpc_api` and `rest_api` speak.
"""
