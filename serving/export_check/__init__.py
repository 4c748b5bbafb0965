"""What is known about an export without a server: its graph, and a trial in a clean process."""
