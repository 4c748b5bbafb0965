"""ExampleGen: from an event log to the Examples of three splits."""
