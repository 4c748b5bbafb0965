"""What one run hands on to the next where no metadata store can be asked."""
