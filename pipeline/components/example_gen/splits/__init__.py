"""The splits: which events of a history are in the Examples of each split."""
