"""The flags and the file of models, in the formats of TF Serving."""
