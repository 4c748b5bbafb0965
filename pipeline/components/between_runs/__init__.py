"""What a run passes on to the next one where no metadata store can be queried."""
