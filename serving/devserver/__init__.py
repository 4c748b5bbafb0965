"""A local server that answers as TF Serving does: `python -m serving.devserver`.

It is for demonstrations, for tests and to try a change. Only TF Serving has what production needs
besides, such as batching and TLS.

From the bottom up: `configuration` reads flags and files, `servables` holds one loaded version and
what it answers, `models` decides which versions those are, and `grpc_api` and `rest_api` answer the
requests of the two protocols.
"""
