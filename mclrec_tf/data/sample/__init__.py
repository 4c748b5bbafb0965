"""The built-in sample: an event log of simulated users, to try everything on."""
