"""The flags and files of a server, in the formats of TF Serving."""
