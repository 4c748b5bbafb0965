"""One module for each way in which the rows of a log are written."""
