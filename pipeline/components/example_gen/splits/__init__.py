"""How a history is divided into the Examples of train, validation and test."""
