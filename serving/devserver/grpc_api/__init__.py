"""The server over gRPC: TF Serving's services and the standard one of health."""
